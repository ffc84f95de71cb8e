"""``Scale``: so many workers."""

from kanban_ipc.control import RestartedReply, ScaleCall
from kanband.shell.methods.arguments import check_number
from kanband.shell.methods.start_worker import COUNT_MAX
from kanband.shell.ports import Daemon


async def scale(daemon: Daemon, call: ScaleCall) -> RestartedReply:
    """Kept over restarts of the daemon; overrides ``worker_count``."""
    check_number("count", call.count, 0, COUNT_MAX)
    infos, stopped = await daemon.fleet.scale(call.count, now=call.now, wait=call.wait)
    return RestartedReply(workers=infos, stopped=stopped)
