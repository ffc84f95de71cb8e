"""``ScheduleResume``: go on with the next due time."""

from kanban_ipc.control import ScheduleReply, ScheduleResumeCall
from kanband.shell.methods.scheduled import set_paused
from kanband.shell.ports import Daemon


async def schedule_resume(daemon: Daemon, call: ScheduleResumeCall) -> ScheduleReply:
    """What falls due while it is paused is not made up for."""
    return await set_paused(daemon, call.id, paused=False)
