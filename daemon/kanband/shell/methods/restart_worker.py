"""``RestartWorker``: stop workers and start them again."""

from kanban_ipc.control import RestartedReply, RestartWorkerCall
from kanband.shell.methods.worker_ids import meant
from kanband.shell.ports import Daemon


async def restart_worker(daemon: Daemon, call: RestartWorkerCall) -> RestartedReply:
    """Under the same ids; what they held is adopted."""
    infos, stopped = await daemon.fleet.restart(
        meant(daemon, call), now=call.now, wait=call.wait
    )
    return RestartedReply(workers=infos, stopped=stopped)
