"""``StartWorker``: want workers running."""

from typing import Final

from kanban_ipc.control import StartWorkerCall, WorkersReply
from kanband.shell.methods.answers import invalid
from kanband.shell.methods.arguments import (
    canonical,
    check_name,
    check_number,
    check_worker_id,
)
from kanband.shell.ports import Daemon

COUNT_MAX: Final = 256
SLOTS_MAX: Final = 256


async def start_worker(daemon: Daemon, call: StartWorkerCall) -> WorkersReply:
    """One named worker, or ``count`` under the next free ids."""
    check_number("count", call.count, 1, COUNT_MAX)
    if call.worker_id is not None:
        check_worker_id(call.worker_id)
        if call.count != 1:
            raise invalid("count", "is more than 1, and one worker is named")
    if call.slots is not None:
        check_number("slots", call.slots, 1, SLOTS_MAX)
    for agent in call.agents:
        if agent not in daemon.config.agents:
            known = ", ".join(daemon.config.agents)
            raise invalid("agents", f"there is no profile {agent!r:.80} (only {known})")
    for label in call.labels:
        check_name("labels", label)
    infos = await daemon.fleet.start(
        call.worker_id,
        count=call.count,
        slots=call.slots,
        agents=call.agents,
        repo=await canonical("repo", call.repo),
        labels=call.labels,
        wait=call.wait,
    )
    return WorkersReply(workers=infos)
