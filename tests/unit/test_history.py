"""The history checker catches what it is for: each test plants one bug."""

from collections.abc import Sequence

import msgspec
import pytest

from kanban_ipc.control import Event, ListCall, Run, RunsCall, Ticket
from kanband.core.history import Violation, check
from support.stores import ALL, Bench, ModelHandle


class Story(msgspec.Struct):
    """A lawful history, to be spoiled."""

    tickets: list[Ticket]
    runs: list[Run]
    events: list[Event]

    def wrong(self, base: int = 0) -> set[int]:
        found = check(self.tickets, self.runs, self.events, base=base)
        return {one.invariant for one in found}

    def ticket(self, number: int, **changes: object) -> None:
        place = number - 1
        self.tickets[place] = msgspec.structs.replace(self.tickets[place], **changes)

    def seq(self, kind: str, ticket: int | None = None) -> int:
        """The number of the first entry of a kind."""
        return next(
            event.seq
            for event in self.events
            if event.type == kind and ticket in (None, event.ticket_id)
        )

    def event(self, seq: int, **payload: object) -> None:
        event = self.events[seq - 1]
        self.events[seq - 1] = msgspec.structs.replace(
            event, payload={**event.payload, **payload}
        )

    def insert(self, after: int, copy_of: int, **payload: object) -> None:
        """A copy of an entry further on; everything is numbered anew."""
        self.events.insert(after, self.events[copy_of - 1])
        self.renumber()
        self.event(after + 1, **payload)

    def remove(self, seq: int) -> None:
        del self.events[seq - 1]
        self.renumber()

    def renumber(self) -> None:
        self.events = [
            msgspec.structs.replace(event, seq=seq)
            for seq, event in enumerate(self.events, 1)
        ]


@pytest.fixture
def story() -> Story:
    """1 finished, 2 failed once and waits, 3 runs and is cancelled, 4 cancelled."""
    bench = Bench(ModelHandle())
    bench.add("a", "b", "c", "d", key=None)
    one, two, _three = bench.claim(3)
    bench.start(one)
    bench.finish(one)
    bench.finish(two, "agent_error")
    bench.do(lambda verbs: verbs.cancel([3, 4], requeue=False, now_ms=bench.now_ms))
    return _story(bench)


def _story(bench: Bench) -> Story:
    page, _total = bench.reads.tickets(ListCall(limit=ALL, cancelled=True))
    return Story(
        tickets=page,
        runs=bench.reads.runs(RunsCall(limit=ALL)),
        events=bench.reads.events(since=0, limit=ALL),
    )


def test_a_lawful_history_has_nothing_wrong(story: Story) -> None:
    assert check(story.tickets, story.runs, story.events) == []


def test_a_lost_ticket(story: Story) -> None:
    del story.tickets[3]
    assert 1 in story.wrong()


def test_an_invented_ticket(story: Story) -> None:
    story.tickets.append(msgspec.structs.replace(story.tickets[0], id=9))
    assert story.wrong() == {1}


def test_a_ticket_created_twice(story: Story) -> None:
    story.insert(2, 1)
    assert 1 in story.wrong()


def test_a_ticket_created_in_the_middle_of_its_life(story: Story) -> None:
    story.event(1, to="working")
    assert 5 in story.wrong()


def test_an_entry_of_a_ticket_that_was_never_created(story: Story) -> None:
    story.remove(1)
    assert 1 in story.wrong()


def test_a_lost_run(story: Story) -> None:
    del story.runs[0]
    assert 1 in story.wrong()


def test_an_invented_run(story: Story) -> None:
    story.runs.append(msgspec.structs.replace(story.runs[0], id="nobody"))
    assert story.wrong() == {1}


def test_a_second_lease(story: Story) -> None:
    seq = story.seq("task_assign", 3)
    story.insert(seq, seq, run_id="second", epoch=2)
    assert 2 in story.wrong()


def test_an_epoch_that_does_not_increase(story: Story) -> None:
    story.event(story.seq("task_assign", 1), epoch=0)
    assert 2 in story.wrong()


def test_a_step_while_a_run_holds_the_ticket(story: Story) -> None:
    story.remove(story.seq("run_finished", 1))
    assert 2 in story.wrong()


def test_a_live_run_without_its_lease(story: Story) -> None:
    story.ticket(3, run_id=None)
    assert {2, 5} <= story.wrong()


def test_a_result_that_landed_with_an_old_epoch(story: Story) -> None:
    story.event(story.seq("run_finished", 1), epoch=0)
    assert 3 in story.wrong()


def test_a_refused_result_of_the_run_that_holds_the_ticket(story: Story) -> None:
    seq = story.seq("task_assign", 3)
    story.insert(seq, seq)
    story.events[seq] = msgspec.structs.replace(story.events[seq], type="stale_result")
    assert 3 in story.wrong()


def test_a_start_by_a_run_that_does_not_hold_the_ticket(story: Story) -> None:
    story.event(story.seq("run_started"), run_id="nobody")
    assert 3 in story.wrong()


def test_a_cancelled_ticket_that_the_system_brings_back(story: Story) -> None:
    last = len(story.events)
    story.insert(
        last, story.seq("state_change", 4), **{"from": "cancelled", "to": "ready"}
    )
    story.events[last] = msgspec.structs.replace(story.events[last], sender="system")
    story.ticket(4, state="ready")
    assert story.wrong() == {4}


def test_a_gap_in_the_journal(story: Story) -> None:
    del story.events[4]
    assert 5 in story.wrong()


def test_a_step_that_is_not_in_the_table(story: Story) -> None:
    story.event(story.seq("state_change", 1), to="approved")
    assert 5 in story.wrong()


def test_a_step_from_where_the_ticket_is_not(story: Story) -> None:
    story.event(story.seq("state_change", 1), **{"from": "ready"})
    assert 5 in story.wrong()


def test_working_without_a_run(story: Story) -> None:
    story.remove(story.seq("task_assign", 1))
    assert 5 in story.wrong()


@pytest.mark.parametrize(
    "changes",
    [{"state": "completed"}, {"epoch": 7}, {"run_id": "x"}, {"due_at_ms": 5}],
)
def test_a_row_that_is_not_what_the_journal_says(
    story: Story, changes: dict[str, object]
) -> None:
    story.ticket(1, **changes)
    assert 5 in story.wrong()


def test_a_run_that_is_not_what_the_journal_says(story: Story) -> None:
    place = [run.ticket_id for run in story.runs].index(1)
    story.runs[place] = msgspec.structs.replace(story.runs[place], status="error")
    assert story.wrong() == {5}


def test_two_tickets_with_one_key(story: Story) -> None:
    for number in (1, 2):
        story.ticket(number, key="k")
    assert story.wrong() == {6}


def test_an_assignment_before_the_due_time(story: Story) -> None:
    story.insert(
        len(story.events), story.seq("task_assign", 2), run_id="early", epoch=2
    )
    assert 7 in story.wrong()


def test_a_waking_before_the_due_time(story: Story) -> None:
    story.insert(len(story.events), 2)
    last = story.events[-1]
    story.events[-1] = msgspec.structs.replace(last, type="task_due", sender="system")
    assert 7 in story.wrong()


def test_more_attempts_than_allowed(story: Story) -> None:
    story.ticket(2, max_retries=-1)
    assert story.wrong() == {7}


def test_more_losses_in_a_row_than_are_borne() -> None:
    bench = Bench(ModelHandle())
    bench.add("a", key=None)
    for _ in range(4):
        (claim,) = bench.claim()
        bench.finish(claim, "shutdown")
    story = _story(bench)
    assert story.wrong() == set()
    for event in list(story.events):
        if event.type == "run_finished":
            story.event(event.seq, failure="worker_lost")
    assert story.wrong() == {7}


def test_an_assignment_before_what_it_depends_on(story: Story) -> None:
    story.ticket(1, depends_on=[4])
    assert story.wrong() == {7}


def test_another_end_after_an_acknowledged_cancel() -> None:
    bench = Bench(ModelHandle())
    bench.add("a", key=None)
    (claim,) = bench.claim()
    bench.start(claim)
    bench.do(lambda verbs: verbs.cancel([1], requeue=True, now_ms=bench.now_ms))
    bench.finish(claim)
    story = _story(bench)
    assert story.wrong() == set()
    story.event(story.seq("cancel_wanted"), requeue=False)
    assert story.wrong() == {10}


def test_an_assignment_after_an_acknowledged_cancel(story: Story) -> None:
    last = len(story.events)
    story.insert(last, story.seq("task_assign", 3), run_id="again", epoch=2)
    assert 10 in story.wrong()


def test_a_second_finished_run_in_one_round(story: Story) -> None:
    last = len(story.events)
    story.insert(last, story.seq("run_finished", 1))
    assert 11 in story.wrong()


def test_a_run_assigned_twice(story: Story) -> None:
    last = len(story.events)
    story.insert(last, story.seq("task_assign", 1), epoch=2)
    assert 11 in story.wrong()


def test_an_entry_that_is_no_tickets_is_passed_over(story: Story) -> None:
    story.insert(len(story.events), 1)
    story.events[-1] = msgspec.structs.replace(
        story.events[-1], type="queue_paused", ticket_id=None
    )
    assert story.wrong() == set()


def test_a_user_may_reopen_and_begin_a_new_round() -> None:
    bench = Bench(ModelHandle())
    for _round in range(2):
        number = bench.one()
        bench.finish(bench.claim()[0])
        bench.do(lambda verbs, n=number: verbs.retry([n], fresh=False, now_ms=1))  # type: ignore[misc]
        bench.finish(bench.claim()[0], on_success="complete")
        bench.do(lambda verbs, n=number: verbs.move(n, "Review", now_ms=1))  # type: ignore[misc]
    assert bench.violations() == []


def _above(base: int, events: Sequence[Event]) -> list[Event]:
    return [event for event in events if event.seq > base]


@pytest.mark.parametrize("base", range(1, 18))
def test_above_a_pruned_base_a_lawful_history_is_still_lawful(
    story: Story, base: int
) -> None:
    story.events = _above(base, story.events)
    assert check(story.tickets, story.runs, story.events, base=base) == []


def test_a_violation_says_where_and_what(story: Story) -> None:
    story.ticket(1, epoch=7)
    assert check(story.tickets, story.runs, story.events) == [
        Violation(5, 1, None, "its epoch is 7, but 1 by the journal")
    ]
