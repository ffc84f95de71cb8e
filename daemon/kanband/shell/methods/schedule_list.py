"""``ScheduleList``: all of them."""

from kanban_ipc.control import ScheduleListCall, ScheduleListReply
from kanband.shell.methods.scheduled import shown
from kanband.shell.ports import Daemon


async def schedule_list(daemon: Daemon, call: ScheduleListCall) -> ScheduleListReply:
    """By number."""
    del call
    found = await daemon.store.read(lambda reads: reads.schedules())
    return ScheduleListReply(schedules=[shown(each) for each in found])
