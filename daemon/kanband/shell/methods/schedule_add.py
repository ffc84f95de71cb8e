"""``ScheduleAdd``: a template and its time table."""

from kanban_ipc.control import ScheduleAddCall, ScheduleReply
from kanband.core.cron import fault
from kanband.shell.methods.answers import invalid, refused
from kanband.shell.methods.arguments import check_name
from kanband.shell.methods.entering_ready import Needs, obstacles
from kanband.shell.methods.new_ticket import checked
from kanband.shell.methods.scheduled import answer
from kanband.shell.ports import Daemon
from kanband.store.schedules import zone_of
from kanband.store.values import NewSchedule


async def schedule_add(daemon: Daemon, call: ScheduleAddCall) -> ScheduleReply:
    """Looked at now, as its tickets will enter Ready without anybody there."""
    check_name("cron", call.cron)
    check_name("zone", call.zone)
    ticket = await checked(daemon, call.ticket)
    if ticket.key is not None:
        raise invalid("ticket.key", "is given by the schedule to each of its tickets")
    if ticket.scheduled_at_ms is not None:
        raise invalid("ticket.scheduled_at_ms", "is what the schedule says")
    if text := fault(call.cron):
        raise invalid("cron", text)
    if zone_of(call.zone) is None:
        text = f"{call.zone!r:.80} is no time zone; allowed: such as Europe/Berlin, UTC"
        raise invalid("zone", text)
    for reason in (await obstacles(daemon, [Needs.of(ticket)])).values():
        raise refused(f"its tickets could not become Ready: {reason}")
    new = NewSchedule(cron=call.cron, zone=call.zone, missed=call.missed, ticket=ticket)
    now_ms = daemon.clock.now_ms()
    made = await daemon.store.do(lambda verbs: verbs.add_schedule(new, now_ms=now_ms))
    return answer(daemon, made)
