"""Schedules, as clients ask for them."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from kanban_ipc.control import (
    NewTicket,
    ScheduleAddCall,
    ScheduleListCall,
    ScheduleListReply,
    SchedulePauseCall,
    ScheduleRemoveCall,
    ScheduleReply,
    ScheduleResumeCall,
    ScheduleShowCall,
)
from support.control_server import Served, served
from support.varlink_client import Answered

ANY, UNNAMED = NewTicket(title="A"), NewTicket(title="")


def prove(tmp_path: Path, fact: Callable[[Served], Awaitable[None]]) -> None:
    async def main() -> None:
        async with served(tmp_path, "") as it:
            await fact(it)

    asyncio.run(main())


def test_a_schedule_is_added_shown_paused_resumed_and_removed(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        ticket = NewTicket(title="A", agent="noop")
        call = ScheduleAddCall(cron="0 3 * * *", ticket=ticket, zone="Europe/Berlin")
        made = (await it.client.call(call, ScheduleReply)).schedule
        times = [one.at_ms for one in made.upcoming]
        assert len(times) == 5
        assert times == sorted(times)
        assert it.daemon.runs.due == [times[0]]
        listed = await it.client.call(ScheduleListCall(), ScheduleListReply)
        shown = await it.client.call(ScheduleShowCall(id=1), ScheduleReply)
        assert listed.schedules == [shown.schedule] == [made]
        paused = await it.client.call(SchedulePauseCall(id=1), ScheduleReply)
        assert (paused.schedule.paused, paused.schedule.upcoming) == (True, [])
        resumed = await it.client.call(ScheduleResumeCall(id=1), ScheduleReply)
        assert resumed.schedule == made
        await it.client.call(ScheduleRemoveCall(id=1), ScheduleReply)
        for gone in (
            ScheduleShowCall(id=1),
            SchedulePauseCall(id=1),
            ScheduleRemoveCall(id=1),
        ):
            with pytest.raises(Answered, match="no schedule 1"):
                await it.client.call(gone, ScheduleReply)

    prove(tmp_path, fact)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (ScheduleAddCall(cron="x", ticket=NewTicket(title="A")), "five fields"),
        (
            ScheduleAddCall(
                cron="* * * * *", ticket=NewTicket(title="A", agent="noop"), zone="../x"
            ),
            "no time zone",
        ),
        (
            ScheduleAddCall(
                cron="* * * * *", ticket=NewTicket(title="A", agent="noop"), zone="Mars"
            ),
            "no time zone",
        ),
        (
            ScheduleAddCall(
                cron="* * * * *", ticket=NewTicket(title="A", agent="noop", key="k")
            ),
            "is given by the schedule",
        ),
        (
            ScheduleAddCall(
                cron="* * * * *",
                ticket=NewTicket(title="A", agent="noop", scheduled_at_ms=1),
            ),
            "what the schedule says",
        ),
        (
            ScheduleAddCall(cron="* * * * *", ticket=NewTicket(title="A")),
            "agent is any",
        ),
        (
            ScheduleAddCall(cron="* * * * *", ticket=NewTicket(title="")),
            "title is empty",
        ),
    ],
)
def test_what_could_not_be_made_is_refused_at_once(
    tmp_path: Path, call: ScheduleAddCall, said: str
) -> None:
    async def fact(it: Served) -> None:
        with pytest.raises(Answered, match=said):
            await it.client.call(call, ScheduleReply)
        listed = await it.client.call(ScheduleListCall(), ScheduleListReply)
        assert listed.schedules == []

    prove(tmp_path, fact)
