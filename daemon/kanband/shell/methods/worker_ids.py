"""Which workers a call means."""

from collections.abc import Sequence

from kanban_ipc.control import RestartWorkerCall, StopWorkerCall
from kanband.shell.methods.answers import invalid, not_found
from kanband.shell.methods.arguments import check_worker_id
from kanband.shell.ports import Daemon


def check_known(daemon: Daemon, worker_ids: Sequence[str]) -> list[str]:
    """The ids, each once; ``Declined`` for the first that no worker has."""
    for each in worker_ids:
        check_worker_id(each, "worker_ids")
        if not daemon.fleet.known(each):
            there = ", ".join(info.worker_id for info in daemon.fleet.infos())
            raise not_found(
                "worker",
                f"there is no worker {each}; there are: {there or 'none'}",
            )
    return list(dict.fromkeys(worker_ids))


def meant(daemon: Daemon, call: StopWorkerCall | RestartWorkerCall) -> list[str]:
    """Those named, or all."""
    if call.all and call.worker_ids:
        raise invalid("all", "means every worker; name some, or say all, not both")
    if call.all:
        return [i.worker_id for i in daemon.fleet.infos() if not i.by_hand]
    if not call.worker_ids:
        raise invalid("worker_ids", "is empty; name workers, or say all")
    return check_known(daemon, call.worker_ids)
