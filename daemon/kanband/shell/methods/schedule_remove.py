"""``ScheduleRemove``: forget a schedule."""

from kanban_ipc.control import ScheduleRemoveCall, ScheduleReply
from kanband.shell.methods.arguments import check_id
from kanband.shell.methods.scheduled import answer
from kanband.shell.ports import Daemon


async def schedule_remove(daemon: Daemon, call: ScheduleRemoveCall) -> ScheduleReply:
    """The tickets that it made stay."""
    check_id(call.id)
    now_ms = daemon.clock.now_ms()
    outcome = await daemon.store.do(
        lambda verbs: verbs.remove_schedule(call.id, now_ms=now_ms)
    )
    return answer(daemon, outcome)
