"""A user's moves: what is legal, what is refused, and what follows."""

from collections.abc import Callable

import msgspec
import pytest

from kanban_ipc.control import (
    InvalidTransition,
    ListCall,
    NewTicket,
    NotFound,
    Refused,
    StaleState,
    Ticket,
    TicketEdit,
    TicketLocked,
)
from kanban_ipc.words import COLUMN_OF, COLUMNS, TICKET_STATES, Column, TicketState
from kanband.core.tickets import RETRYABLE, state_of_column
from kanband.store.values import Cancelling, Moved, MoveRefusal, RunEnd
from kanband.store.verbs import Verbs
from support.stores import Bench

ELSEWHERE = ("assigned", "working", "approved", "conflicted")
"""Leased, with a repository, and what nothing in this version leads to."""
REACHED = tuple(state for state in TICKET_STATES if state not in ELSEWHERE)


def _move(
    store: Bench,
    ticket: int,
    to: Column,
    expected: TicketState | None = None,
    *,
    merged: bool = False,
) -> Moved | MoveRefusal:
    return store.do(
        lambda verbs: verbs.move(
            ticket, to, now_ms=store.now_ms, expected=expected, merged=merged
        )
    )


def _retry(store: Bench, ticket: int, *, fresh: bool = False) -> Moved | MoveRefusal:
    return store.do(
        lambda verbs: verbs.retry([ticket], fresh=fresh, now_ms=store.now_ms)
    )[0]


def _cancel(
    store: Bench, ticket: int, *, requeue: bool = False
) -> Moved | Cancelling | MoveRefusal:
    return store.do(
        lambda verbs: verbs.cancel([ticket], requeue=requeue, now_ms=store.now_ms)
    )[0]


@pytest.mark.parametrize("to", COLUMNS)
@pytest.mark.parametrize("state", REACHED)
def test_every_move_follows_the_table(
    store: Bench, state: TicketState, to: Column
) -> None:
    number = store.brought_to(state)
    answer = _move(store, number, to)
    target = state_of_column(state, to, has_repo=False)
    if COLUMN_OF[state] == to and state != "cancelled":
        assert isinstance(answer, Moved)
        assert answer.ticket.state == state
    elif target is None:
        assert isinstance(answer, InvalidTransition)
        assert store.ticket(number).state == state
    else:
        assert isinstance(answer, Moved)
        assert answer.ticket == store.ticket(number)
        assert answer.ticket.state == target
        assert answer.woke == (target == "ready")


def test_review_to_done_is_completion_without_a_repository(store: Bench) -> None:
    number = store.brought_to("in_review")
    _move(store, number, "Done")
    assert store.ticket(number).state == "completed"
    assert store.ticket(number).completed_at_ms == store.now_ms


def test_review_to_done_is_approval_with_a_repository(store: Bench) -> None:
    number = store.brought_to("in_review", repo_path="/r")
    _move(store, number, "Done")
    ticket = store.ticket(number)
    assert (ticket.state, ticket.completed_at_ms) == ("approved", None)
    assert ticket.reason == "A user accepted it; its branch waits to be merged."


def test_accepting_twice_is_accepting_once(store: Bench) -> None:
    number = store.brought_to("approved", repo_path="/r")
    dependent = store.one(depends_on=[number])
    before, written = store.ticket(number), store.reads.last_seq()
    assert _move(store, number, "Done") == Moved(ticket=before)
    assert store.reads.last_seq() == written
    assert store.ticket(dependent).waits_for == "depends"


@pytest.mark.parametrize("state", ["in_review", "approved"])
def test_it_is_completed_by_a_users_word_that_it_is_merged(
    store: Bench, state: TicketState
) -> None:
    number = store.brought_to(state, repo_path="/r")
    dependent = store.one(depends_on=[number])
    answer = _move(store, number, "Done", merged=True)
    assert isinstance(answer, Moved)
    assert answer.woke
    assert answer.ticket.state == "completed"
    assert answer.ticket.reason == "A user says that it is merged."
    assert answer.ticket.completed_at_ms == store.now_ms
    assert store.ticket(dependent).waits_for is None
    assert store.violations() == []


def test_reopening_forgets_the_completion(store: Bench) -> None:
    number = store.brought_to("completed")
    _move(store, number, "Review")
    ticket = store.ticket(number)
    assert (ticket.state, ticket.completed_at_ms) == ("in_review", None)


def test_an_unknown_ticket_is_not_found(store: Bench) -> None:
    for answer in (_move(store, 9, "Ready"), _retry(store, 9), _cancel(store, 9)):
        assert isinstance(answer, NotFound)
        assert (answer.what, answer.message) == ("ticket", "There is no ticket 9.")


def test_an_expected_state_that_is_not_found_refuses_the_move(store: Bench) -> None:
    number = store.one(ready=False)
    answer = _move(store, number, "Blocked", expected="ready")
    assert isinstance(answer, StaleState)
    assert (answer.expected, answer.found) == ("ready", "backlog")
    assert isinstance(_move(store, number, "Blocked", expected="backlog"), Moved)


@pytest.mark.parametrize("state", ["assigned", "working"])
def test_a_ticket_with_a_live_run_is_locked(store: Bench, state: TicketState) -> None:
    number = store.brought_to(state)
    for answer in (_move(store, number, "Ready"), _retry(store, number)):
        assert isinstance(answer, TicketLocked)
        assert answer.run_id == store.ticket(number).run_id
        assert answer.run_id in answer.message


def test_a_refusal_says_where_the_ticket_may_go(store: Bench) -> None:
    answer = _move(store, store.one(ready=False), "Done")
    assert isinstance(answer, InvalidTransition)
    assert answer.message == (
        "Ticket 1 is backlog and cannot be moved to Done. "
        "It can be moved to Ready or Blocked."
    )


@pytest.mark.parametrize("state", sorted(RETRYABLE - {"conflicted"}))
def test_a_retry_makes_it_ready_at_once(store: Bench, state: TicketState) -> None:
    number = store.brought_to(state, scheduled_at_ms=store.now_ms)
    answer = _retry(store, number)
    assert isinstance(answer, Moved)
    assert answer.woke
    assert (answer.ticket.state, answer.ticket.waits_for) == ("ready", None)


@pytest.mark.parametrize("state", ["backlog", "approved", "completed"])
def test_there_is_nothing_to_retry_elsewhere(store: Bench, state: TicketState) -> None:
    number = store.brought_to(state, repo_path="/r" if state == "approved" else None)
    assert isinstance(_retry(store, number), InvalidTransition)
    assert store.ticket(number).state == state


def test_a_retry_counts_its_attempts_anew(store: Bench) -> None:
    store.one(max_retries=0)
    store.finish(store.claim()[0], "agent_error", message="No.")
    _retry(store, 1)
    ticket = store.ticket(1)
    assert (ticket.retry_count, ticket.failure) == (0, None)
    (again,) = store.claim()
    assert (again.attempt, again.epoch) == (1, 2)
    assert again.work.previous_failure == "The agent failed. No."
    assert not again.work.fresh


def test_a_fresh_retry_starts_clean_until_a_run_has_begun(store: Bench) -> None:
    number = store.brought_to("failed")
    _retry(store, number, fresh=True)
    (claim,) = store.claim()
    assert claim.work.fresh
    assert not claim.work.previous_failure
    end = store.end(claim, "worker_lost")
    store.settle(_never_began(end))
    (again,) = store.claim()
    assert again.work.fresh
    store.start(again)
    store.finish(again, "worker_lost")
    assert not store.claim()[0].work.fresh


def _never_began(end: RunEnd) -> RunEnd:
    return msgspec.structs.replace(
        end, result=msgspec.structs.replace(end.result, agent_started_ms=0)
    )


def test_retrying_a_ready_ticket_that_waits_makes_it_due_now(store: Bench) -> None:
    store.one()
    store.finish(store.claim()[0], "agent_error")
    answer = _retry(store, 1)
    assert isinstance(answer, Moved)
    assert answer.woke
    assert store.ticket(1).retry_count == 1
    assert store.claim()[0].attempt == 2


def test_retrying_a_ready_ticket_that_is_claimable_changes_nothing(
    store: Bench,
) -> None:
    store.one()
    before = store.ticket(1), store.reads.last_seq()
    answer = _retry(store, 1)
    assert isinstance(answer, Moved)
    assert not answer.woke
    assert (store.ticket(1), store.reads.last_seq()) == before


def test_a_ready_ticket_can_be_asked_to_start_clean(store: Bench) -> None:
    store.one()
    _retry(store, 1, fresh=True)
    assert store.claim()[0].work.fresh


def test_a_retried_ticket_still_waits_for_its_dependencies(store: Bench) -> None:
    first = store.one(ready=False)
    second = store.one(depends_on=[first])
    _cancel(store, second)
    answer = _retry(store, second)
    assert isinstance(answer, Moved)
    assert not answer.woke
    assert store.ticket(second).waits_for == "depends"


@pytest.mark.parametrize(
    "state", ["backlog", "ready", "failed", "blocked", "in_review"]
)
def test_what_has_no_live_run_is_cancelled_at_once(
    store: Bench, state: TicketState
) -> None:
    number = store.brought_to(state)
    answer = _cancel(store, number)
    assert isinstance(answer, Moved)
    assert answer.ticket.state == "cancelled"
    assert store.reads.queue().cancelled == 1


def test_cancelling_twice_is_cancelling_once(store: Bench) -> None:
    number = store.brought_to("cancelled")
    before = store.reads.last_seq()
    assert isinstance(_cancel(store, number), Moved)
    assert store.reads.last_seq() == before


BULK: dict[str, Callable[[Verbs, list[int], int], object]] = {
    "add": lambda verbs, _, now_ms: verbs.add(
        [
            NewTicket(title="A", key="a"),
            NewTicket(title="B", depends_on_keys=["a"], key="b"),
        ],
        ready=True,
        now_ms=now_ms,
    ),
    "move": lambda verbs, ids, now_ms: [
        verbs.move(number, "Blocked", now_ms=now_ms) for number in ids
    ],
    "block": lambda verbs, ids, now_ms: verbs.block(ids, reason="r", now_ms=now_ms),
    "edit": lambda verbs, ids, now_ms: verbs.edit(
        ids, TicketEdit(priority="high", add_labels=["l"]), now_ms=now_ms
    ),
    "retry": lambda verbs, ids, now_ms: verbs.retry(ids, fresh=True, now_ms=now_ms),
    "cancel": lambda verbs, ids, now_ms: verbs.cancel(
        ids, requeue=False, now_ms=now_ms
    ),
    "requeue": lambda verbs, ids, now_ms: verbs.cancel(
        ids, requeue=True, now_ms=now_ms
    ),
}


@pytest.mark.parametrize("verb", BULK)
def test_what_is_said_of_many_tickets_twice_is_done_once(
    store: Bench, verb: str
) -> None:
    """Whoever lost the answer may say it again: nothing is written then."""
    states: tuple[TicketState, ...] = (*REACHED, "assigned", "working")
    ids = [store.brought_to(state) for state in sorted(states, key=_ready_last)]
    calls: list[tuple[dict[int, str], list[Ticket], list[str]]] = []
    for _ in range(3):
        store.now_ms += 1_000
        store.do(lambda verbs: BULK[verb](verbs, ids, store.now_ms))
        rows, _total = store.reads.tickets(ListCall(limit=99, cancelled=True))
        calls.append((store.states(), rows, store.types()))
    assert calls[0] == calls[1] == calls[2]


def _ready_last(state: TicketState) -> bool:
    """A claim on the way to another state would take it."""
    return state == "ready"


def test_a_completed_ticket_cannot_be_cancelled(store: Bench) -> None:
    number = store.brought_to("completed")
    assert isinstance(_cancel(store, number), InvalidTransition)


@pytest.mark.parametrize("state", ["assigned", "working"])
def test_cancelling_a_live_run_records_the_wish(
    store: Bench, state: TicketState
) -> None:
    number = store.brought_to(state)
    answer = _cancel(store, number)
    assert isinstance(answer, Cancelling)
    assert (answer.run_id, answer.epoch) == (store.ticket(number).run_id, 1)
    assert (answer.worker_id, answer.ticket.state) == ("worker-1", state)
    assert store.reads.leases()[0].cancel == "cancel"
    assert store.types(number)[-1] == "cancel_wanted"


def test_a_cancellation_is_not_weakened_by_a_later_requeue(store: Bench) -> None:
    number = store.brought_to("working")
    _cancel(store, number)
    assert isinstance(_cancel(store, number, requeue=True), Cancelling)
    assert store.reads.leases()[0].cancel == "cancel"
    assert store.types(number).count("cancel_wanted") == 1


def test_a_requeue_may_become_a_cancellation(store: Bench) -> None:
    number = store.brought_to("working")
    _cancel(store, number, requeue=True)
    _cancel(store, number)
    assert store.reads.leases()[0].cancel == "cancel"


def test_requeue_needs_a_live_run(store: Bench) -> None:
    assert isinstance(_cancel(store, store.one(), requeue=True), Moved)
    answer = _cancel(store, store.brought_to("blocked"), requeue=True)
    assert isinstance(answer, Refused)
    assert "no live run" in answer.message


def test_every_ticket_of_a_call_gets_its_own_answer(store: Bench) -> None:
    number = store.one()
    answers = store.do(lambda verbs: verbs.cancel([7, number], requeue=False, now_ms=1))
    assert [type(answer) for answer in answers] == [NotFound, Moved]


def test_a_move_is_journalled_as_the_users(store: Bench) -> None:
    number = store.one(ready=False)
    _move(store, number, "Ready")
    event = store.reads.events(since=0, limit=9)[-1]
    assert (event.sender, event.type) == ("user", "state_change")
    assert event.payload == {
        "task_id": number,
        "from": "backlog",
        "to": "ready",
        "why": "A user moved it from Backlog to Ready.",
    }
    assert store.ticket(number).reason == "A user moved it from Backlog to Ready."
