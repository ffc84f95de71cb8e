"""``ResetFailed``: start FATAL workers again, and resolve doubts."""

from kanban_ipc.control import ResetFailedCall, WorkersReply
from kanband.shell.methods.answers import invalid
from kanband.shell.methods.worker_ids import check_known
from kanband.shell.ports import Daemon


async def reset_failed(daemon: Daemon, call: ResetFailedCall) -> WorkersReply:
    """Those named; with none named every FATAL one. A word on what a process is has to
    name its worker: nobody can have looked at all of them.
    """
    named = check_known(daemon, call.worker_ids)
    if call.doubt != "look" and not named:
        raise invalid("doubt", "name the worker whose process you have looked at")
    infos = await daemon.fleet.reset_failed(named, call.doubt)
    return WorkersReply(workers=infos)
