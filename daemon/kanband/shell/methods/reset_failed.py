"""``ResetFailed``: start FATAL workers again."""

from kanban_ipc.control import ResetFailedCall, WorkersReply
from kanband.shell.methods.worker_ids import check_known
from kanband.shell.ports import Daemon


async def reset_failed(daemon: Daemon, call: ResetFailedCall) -> WorkersReply:
    """Those named; with none named every FATAL one."""
    named = check_known(daemon, call.worker_ids)
    return WorkersReply(workers=await daemon.fleet.reset_failed(named))
