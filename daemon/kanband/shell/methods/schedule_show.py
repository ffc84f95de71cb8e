"""``ScheduleShow``: one schedule."""

from kanban_ipc.control import ScheduleReply, ScheduleShowCall
from kanband.shell.methods.answers import Declined
from kanband.shell.methods.scheduled import shown
from kanband.shell.ports import Daemon
from kanband.store import sayings


async def schedule_show(daemon: Daemon, call: ScheduleShowCall) -> ScheduleReply:
    """With its next times."""
    for each in await daemon.store.read(lambda reads: reads.schedules()):
        if each.id == call.id:
            return ScheduleReply(schedule=shown(each))
    raise Declined(sayings.no_schedule(call.id))
