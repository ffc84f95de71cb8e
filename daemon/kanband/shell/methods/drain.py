"""``Drain``: claim nothing more, and let what runs come to its end."""

from kanban_ipc.control import DoneReply, DrainCall
from kanband.shell.methods.ending import unattended
from kanband.shell.ports import Daemon


async def drain(daemon: Daemon, call: DrainCall) -> DoneReply:
    """Lasts until the daemon is started again."""
    if call.wait:
        await daemon.life.drain()
        return DoneReply(message="nothing runs any more, and nothing new is begun")
    unattended(daemon.life.drain())
    return DoneReply(message="nothing new is begun; what runs comes to its end")
