"""Schedules: tickets that come again and again, each once."""

from typing import Literal

from kanban_ipc.control import NewTicket, NotFound
from kanband.store.values import NewSchedule, Schedule
from support.stores import Bench

HOUR_MS = 3_600_000


def _schedule(store: Bench, missed: Literal["once", "skip"] = "once") -> Schedule:
    """Every full hour; now is at the beginning of one."""
    store.now_ms = 100 * HOUR_MS
    new = NewSchedule(
        cron="0 * * * *",
        zone="UTC",
        missed=missed,
        ticket=NewTicket(title="Again", labels=["nightly"]),
    )
    return store.do(lambda verbs: verbs.add_schedule(new, now_ms=store.now_ms))


def _promote(store: Bench, at_ms: int) -> int:
    store.now_ms = at_ms
    return store.do(lambda verbs: verbs.promote(now_ms=at_ms))[0]


def _told(store: Bench) -> list[str]:
    return [one for one in store.types() if one.startswith("schedule_")]


def test_each_due_time_makes_one_ready_ticket(store: Bench) -> None:
    made = _schedule(store)
    assert made.next_at_ms == store.reads.next_due_ms() == 101 * HOUR_MS
    assert _promote(store, 101 * HOUR_MS - 1) == 0
    assert _promote(store, 101 * HOUR_MS) == 1
    assert _promote(store, 101 * HOUR_MS) == 0
    (claim,) = store.claim()
    assert (claim.work.title, claim.work.labels) == ("Again", ("nightly",))
    store.finish(claim)
    assert _promote(store, 102 * HOUR_MS) == 1
    assert store.states() == {1: "in_review", 2: "ready"}
    (now,) = store.reads.schedules()
    assert (now.last_ticket_id, now.next_at_ms) == (2, 103 * HOUR_MS)
    assert _told(store) == ["schedule_added", "schedule_fired", "schedule_fired"]


def test_none_is_made_while_the_last_is_open_and_the_journal_says_so(
    store: Bench,
) -> None:
    _schedule(store)
    _promote(store, 101 * HOUR_MS)
    assert _promote(store, 102 * HOUR_MS) == 0
    assert store.states() == {1: "ready"}
    last = store.reads.events(since=0, limit=99)[-1]
    assert last.type == "schedule_skipped"
    assert last.payload["why"] == "its last ticket is still ready"
    assert last.payload["due_at_ms"] == 102 * HOUR_MS


def test_after_downtime_there_is_one_for_all_or_none(store: Bench) -> None:
    _schedule(store)
    _schedule(store, missed="skip")
    assert _promote(store, 110 * HOUR_MS + HOUR_MS // 2) == 1
    assert store.states() == {1: "ready"}
    assert store.ticket(1).key == f"schedule 1 at {110 * HOUR_MS}"
    assert {one.next_at_ms for one in store.reads.schedules()} == {111 * HOUR_MS}


def test_a_clock_that_is_set_back_makes_nothing_twice(store: Bench) -> None:
    made = _schedule(store)
    _promote(store, 101 * HOUR_MS)
    (claim,) = store.claim()
    store.finish(claim, on_success="complete")
    assert _promote(store, 100 * HOUR_MS) == 0
    # Even one that is resumed with the clock set back, and so is due once more.
    early_ms = 100 * HOUR_MS
    store.do(lambda v: v.pause_schedule(made.id, paused=True, now_ms=early_ms))
    store.do(lambda v: v.pause_schedule(made.id, paused=False, now_ms=early_ms))
    assert _promote(store, 101 * HOUR_MS) == 0
    assert store.states() == {1: "completed"}
    assert _promote(store, 102 * HOUR_MS) == 1


def test_what_falls_due_during_a_pause_is_not_made_up_for(store: Bench) -> None:
    made = _schedule(store)

    def pause(paused: bool) -> Schedule | NotFound:
        return store.do(
            lambda verbs: verbs.pause_schedule(
                made.id, paused=paused, now_ms=store.now_ms
            )
        )

    paused = pause(True)
    assert isinstance(paused, Schedule)
    assert (paused.paused, paused.next_at_ms) == (True, None)
    assert _promote(store, 105 * HOUR_MS + 1) == 0
    resumed = pause(False)
    assert isinstance(resumed, Schedule)
    assert resumed.next_at_ms == 106 * HOUR_MS
    assert store.states() == {}
    assert pause(False) == resumed
    assert _told(store) == ["schedule_added", "schedule_paused", "schedule_resumed"]


def test_a_schedule_that_is_removed_is_over_and_its_number_is_not_used_again(
    store: Bench,
) -> None:
    made = _schedule(store)
    _promote(store, 101 * HOUR_MS)
    remove = store.do(lambda verbs: verbs.remove_schedule(made.id, now_ms=store.now_ms))
    assert isinstance(remove, Schedule)
    assert store.reads.schedules() == []
    assert store.states() == {1: "ready"}
    again = store.do(lambda verbs: verbs.remove_schedule(made.id, now_ms=1))
    assert isinstance(again, NotFound)
    assert isinstance(
        store.do(lambda verbs: verbs.pause_schedule(1, paused=True, now_ms=1)), NotFound
    )
    assert _schedule(store).id == made.id + 1


def test_a_template_that_cannot_be_made_is_skipped_with_its_reason(
    store: Bench,
) -> None:
    store.now_ms = 100 * HOUR_MS
    ticket = NewTicket(title="Never", depends_on=[77])
    new = NewSchedule(cron="0 * * * *", zone="UTC", missed="once", ticket=ticket)
    store.do(lambda verbs: verbs.add_schedule(new, now_ms=store.now_ms))
    assert _promote(store, 101 * HOUR_MS) == 0
    last = store.reads.events(since=0, limit=99)[-1]
    assert "77" in str(last.payload["why"])


def test_a_time_zone_that_is_not_known_here_holds_up_nothing_else(
    store: Bench,
) -> None:
    """A backup that was put back on a machine without it."""
    store.now_ms = 100 * HOUR_MS
    lost = NewSchedule(
        cron="0 * * * *",
        zone="Nowhere/At_All",
        missed="once",
        ticket=NewTicket(title="Lost"),
    )
    made = store.do(lambda verbs: verbs.add_schedule(lost, now_ms=store.now_ms))
    _schedule(store)
    assert _promote(store, 101 * HOUR_MS) == 1
    [claim] = store.claim()
    assert claim.work.title == "Again"
    assert [one.next_at_ms for one in store.reads.schedules()] == [102 * HOUR_MS] * 2
    why = [
        one.payload["why"]
        for one in store.reads.events(since=0, limit=99)
        if one.type == "schedule_skipped" and one.payload["schedule_id"] == made.id
    ]
    assert "time zone" in str(why[0])
