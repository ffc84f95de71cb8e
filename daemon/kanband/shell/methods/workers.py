"""``Workers``: every worker."""

from kanban_ipc.control import WorkersCall, WorkersReply
from kanband.shell.ports import Daemon


async def workers(daemon: Daemon, call: WorkersCall) -> WorkersReply:
    """By id, in natural order."""
    del call
    return WorkersReply(workers=daemon.fleet.infos())
