"""What the methods about schedules have in common."""

from typing import Final

from kanban_ipc.control import NotFound, ScheduleInfo, ScheduleReply, Upcoming
from kanband.core.cron import upcoming
from kanband.shell.methods.answers import Declined
from kanband.shell.methods.arguments import check_id
from kanband.shell.ports import Daemon
from kanband.store.schedules import zone_of
from kanband.store.values import Schedule

TIMES_SHOWN: Final = 5


def shown(each: Schedule) -> ScheduleInfo:
    """With its next due times, as they are in its own time zone."""
    times: list[int] = []
    if each.next_at_ms is not None:
        more = upcoming(each.cron, zone_of(each.zone), each.next_at_ms, TIMES_SHOWN - 1)
        times = [each.next_at_ms, *more]
    return ScheduleInfo(
        id=each.id,
        cron=each.cron,
        zone=each.zone,
        missed=each.missed,
        paused=each.paused,
        ticket=each.ticket,
        upcoming=[Upcoming(at_ms=one) for one in times],
        last_ticket_id=each.last_ticket_id,
        created_at_ms=each.created_at_ms,
    )


def answer(daemon: Daemon, outcome: Schedule | NotFound) -> ScheduleReply:
    """Raises ``Declined``; else the clock is set for it."""
    if isinstance(outcome, NotFound):
        raise Declined(outcome)
    daemon.runs.due_at(outcome.next_at_ms)
    return ScheduleReply(schedule=shown(outcome))


async def set_paused(daemon: Daemon, number: int, *, paused: bool) -> ScheduleReply:
    """Raises ``Declined``."""
    check_id(number)
    now_ms = daemon.clock.now_ms()
    outcome = await daemon.store.do(
        lambda verbs: verbs.pause_schedule(number, paused=paused, now_ms=now_ms)
    )
    return answer(daemon, outcome)
