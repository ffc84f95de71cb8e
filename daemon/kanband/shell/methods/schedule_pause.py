"""``SchedulePause``: make nothing for a while."""

from kanban_ipc.control import SchedulePauseCall, ScheduleReply
from kanband.shell.methods.scheduled import set_paused
from kanband.shell.ports import Daemon


async def schedule_pause(daemon: Daemon, call: SchedulePauseCall) -> ScheduleReply:
    """What falls due while it is paused is not made up for."""
    return await set_paused(daemon, call.id, paused=True)
