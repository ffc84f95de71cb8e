"""When a schedule is due, and what that leads to."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from kanban_ipc.words import TICKET_STATES
from kanband.core.cron import GRACE_S, RESTING, Firing, fault, firing, next_ms, upcoming

UTC = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")
NIGHTLY = "30 2 * * *"
HOUR_MS = 3_600_000


def at(text: str, zone: ZoneInfo = UTC) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) * 1000


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("", "five fields"),
        ("* * * * * *", "five fields"),
        ("61 * * * *", "Bad minute"),
        ("x * * * *", "Bad minute"),
        ("0 0 31 2 *", "Bad day"),
        ("@daily", "five fields"),
    ],
)
def test_what_is_no_time_table_says_so(cron: str, said: str) -> None:
    assert said in fault(cron)


@pytest.mark.parametrize("cron", ["* * * * *", "*/15 9-17 * * MON-FRI", "0 3 L * *"])
def test_what_is_one_has_no_fault(cron: str) -> None:
    assert fault(cron) == ""


def test_the_next_time_is_after_now_and_in_its_zone() -> None:
    noon = at("2025-06-01T12:00")
    assert next_ms("0 12 * * *", UTC, noon) == at("2025-06-02T12:00")
    assert next_ms("0 12 * * *", UTC, noon - 1) == noon
    assert next_ms("0 12 * * *", BERLIN, noon) == at("2025-06-02T12:00", BERLIN)


def test_an_hour_that_does_not_exist_is_not_left_out() -> None:
    times = upcoming(NIGHTLY, BERLIN, at("2025-03-29T12:00", BERLIN), 2)
    assert times == [at("2025-03-30T03:00", BERLIN), at("2025-03-31T02:30", BERLIN)]


def test_an_hour_that_comes_twice_is_due_once() -> None:
    first, second = upcoming(NIGHTLY, BERLIN, at("2025-10-25T12:00", BERLIN), 2)
    assert second - first in (24 * HOUR_MS, 25 * HOUR_MS)
    assert second == at("2025-10-27T02:30", BERLIN)


def _fire(due_ms: int, now_ms: int, **more: Any) -> Firing:
    return firing("0 * * * *", UTC, due_ms, now_ms, **{"missed": "once", **more})


DUE = at("2025-06-01T12:00")


def test_on_time_there_is_a_ticket_and_the_next_time() -> None:
    for late_ms in (0, 1, 900, 61_000):
        assert _fire(DUE, DUE + late_ms, last=None) == Firing(
            due_ms=DUE, next_ms=DUE + HOUR_MS, skipped=""
        )


def test_all_that_was_missed_is_one_ticket_for_the_latest() -> None:
    now_ms = DUE + 5 * HOUR_MS + 1_000 * GRACE_S + 1
    what = _fire(DUE, now_ms, last="completed")
    assert what == Firing(
        due_ms=DUE + 5 * HOUR_MS, next_ms=DUE + 6 * HOUR_MS, skipped=""
    )
    assert "missed" in _fire(DUE, now_ms, missed="skip", last=None).skipped


def test_one_that_skips_what_it_missed_makes_the_one_that_is_due_now() -> None:
    assert not _fire(DUE, DUE + 5 * HOUR_MS + 1_000, missed="skip", last=None).skipped


@pytest.mark.parametrize("state", TICKET_STATES)
def test_none_is_made_while_the_work_of_the_last_goes_on(state: Any) -> None:
    assert bool(_fire(DUE, DUE, last=state).skipped) is (state not in RESTING)
