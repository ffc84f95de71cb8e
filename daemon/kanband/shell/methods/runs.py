"""``Runs``: the latest runs."""

from kanban_ipc.control import RunsCall, RunsReply
from kanband.shell.methods.arguments import check_id, check_limit, check_worker_id
from kanband.shell.methods.stored import as_now
from kanband.shell.ports import Daemon


async def runs(daemon: Daemon, call: RunsCall) -> RunsReply:
    """Newest first."""
    check_limit(call.limit)
    if call.ticket_id is not None:
        check_id(call.ticket_id, "ticket_id")
    if call.worker_id is not None:
        check_worker_id(call.worker_id)
    found = await daemon.store.read(lambda reads: reads.runs(call))
    return RunsReply(runs=[as_now(daemon, run) for run in found])
