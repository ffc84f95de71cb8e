"""``Drain``: claim nothing more, and let what runs come to its end."""

from kanban_ipc.control import DoneReply, DrainCall
from kanband.shell.methods.ending import unattended
from kanband.shell.methods.standstill import GO_ON
from kanband.shell.ports import Daemon


async def drain(daemon: Daemon, call: DrainCall) -> DoneReply:
    """Lasts until the daemon is started again."""
    if call.wait:
        await daemon.life.drain()
        done = "nothing runs any more, and nothing new is begun"
    else:
        unattended(daemon.life.drain())
        done = "nothing new is begun; what runs comes to its end"
    return DoneReply(message=f"{done}. To go on, {GO_ON}")
