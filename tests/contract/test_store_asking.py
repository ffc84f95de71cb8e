"""Questions, progress and log lines of agents, on every store."""

from typing import Any

import pytest

from kanban_ipc.bounds import EXCHANGES_MAX
from kanban_ipc.control import InvalidTransition, NotFound
from kanban_ipc.link import Exchange
from kanban_ipc.words import FailureClass, TicketState
from kanband.store import asking
from kanband.store.model import asking as model_asking
from kanband.store.values import Claim, Moved, RunLog, RunMark
from support.stores import Bench, epoch


def begun(store: Bench, **fields: Any) -> Claim:
    store.one(**fields)
    (claim,) = store.claim()
    store.start(claim)
    return claim


def line(store: Bench, claim: Claim, message: str, number: int | None = None) -> RunLog:
    return RunLog(
        run_id=claim.run_id,
        epoch=claim.epoch if number is None else epoch(number),
        seq=0,
        ts_ms=store.now_ms,
        level="info",
        message=message,
    )


def test_a_question_alone_moves_nothing(store: Bench) -> None:
    claim = begun(store)
    assert store.ask(claim)
    ticket = store.ticket(claim.work.ticket_id)
    assert (ticket.state, ticket.run_id) == ("working", claim.run_id)
    assert ticket.question is None
    run = store.reads.run(claim.run_id)
    assert run is not None
    assert run.question is not None
    assert (run.question.text, run.question.answer) == ("Which?", None)


@pytest.mark.parametrize("failure", [None, "agent_error", "deferred"])
def test_a_run_that_asked_and_ended_by_itself_needs_input(
    store: Bench, failure: FailureClass | None
) -> None:
    claim = begun(store, max_retries=0)
    store.ask(claim, "Tea?", kind="permission", choices=("yes", "no"))
    landed = store.finish(claim, failure)
    assert landed.state == "needs_input"
    ticket = store.ticket(claim.work.ticket_id)
    assert (ticket.column, ticket.run_id, ticket.failure) == ("Blocked", None, None)
    assert ticket.reason == "Its agent asks: Tea?"
    assert ticket.question is not None
    assert ticket.question.kind == "permission"
    assert ticket.question.choices == ["yes", "no"]
    assert ticket.question.asked_at_ms == store.now_ms
    run = store.reads.run(claim.run_id)
    assert run is not None
    assert (run.status, run.failure) == ("finished", None)
    assert store.violations() == []


@pytest.mark.parametrize(
    "failure", ["timeout", "stalled", "worker_lost", "host_lost", "shutdown"]
)
def test_a_question_outlives_the_loss_of_its_run(
    store: Bench, failure: FailureClass
) -> None:
    claim = begun(store)
    store.ask(claim)
    assert store.finish(claim, failure, message="gone").state == "needs_input"
    ticket = store.ticket(claim.work.ticket_id)
    assert (ticket.failure, ticket.retry_count) == (failure, 0)
    store.answer(ticket.id, "That")
    (again,) = store.claim()
    assert again.work.previous_failure.endswith("Gone")
    assert store.violations() == []


@pytest.mark.parametrize("failure", ["auth", "setup", "over_budget"])
def test_a_question_falls_with_what_no_answer_mends(
    store: Bench, failure: FailureClass
) -> None:
    claim = begun(store)
    store.ask(claim)
    assert store.finish(claim, failure).state == "failed"
    assert store.ticket(claim.work.ticket_id).question is None


def test_a_question_of_a_run_whose_start_was_never_reported(store: Bench) -> None:
    store.one()
    (claim,) = store.claim()
    store.ask(claim)
    assert store.finish(claim, "worker_lost").state == "needs_input"
    assert store.violations() == []


def test_a_cancellation_is_stronger_than_a_question(store: Bench) -> None:
    claim = begun(store)
    ticket = claim.work.ticket_id
    store.ask(claim)
    store.do(lambda verbs: verbs.cancel([ticket], requeue=False, now_ms=store.now_ms))
    assert store.finish(claim).state == "cancelled"


def test_the_last_question_of_a_run_stands(store: Bench) -> None:
    claim = begun(store)
    store.ask(claim, "First?")
    store.ask(claim, "Second?")
    store.ask(claim, "Second?")
    store.finish(claim)
    question = store.ticket(claim.work.ticket_id).question
    assert question is not None
    assert question.text == "Second?"
    assert store.types(claim.work.ticket_id).count("question_asked") == 2


def test_a_stale_epoch_asks_nothing(store: Bench) -> None:
    old = begun(store)
    store.finish(old, "shutdown")
    (new,) = store.claim()
    store.start(new)
    before = store.reads.last_seq()
    assert not store.ask(old)
    assert store.do(lambda verbs: verbs.say([line(store, old, "late")])) == ["stale"]
    odd = line(store, new, "odd", number=old.epoch)
    assert store.do(lambda verbs: verbs.say([odd])) == ["stale"]
    assert store.reads.last_seq() == before
    assert store.reads.run_log(old.run_id, limit=10) == []
    assert store.finish(new).state == "in_review"


def test_an_answer_makes_the_ticket_ready_and_reaches_the_next_run(
    store: Bench,
) -> None:
    claim = begun(store)
    ticket = claim.work.ticket_id
    store.ask(claim, "Which?")
    store.finish(claim, branch="kanban/1-a", worktree="/w/1-a")
    answered = store.answer(ticket, "The blue one")
    assert isinstance(answered, Moved)
    assert answered.woke
    assert answered.ticket.state == "ready"
    assert answered.ticket.question is None
    (again,) = store.claim()
    assert again.work.exchanges == (Exchange("Which?", "The blue one"),)
    assert (again.work.branch, again.work.worktree) == ("kanban/1-a", "/w/1-a")
    assert (again.attempt, store.ticket(ticket).retry_count) == (2, 0)
    (lease,) = store.reads.leases()
    assert lease.work == again.work
    run = store.reads.run(claim.run_id)
    assert run is not None
    assert run.question is not None
    assert run.question.answer == "The blue one"
    assert "question_answered" in store.types(ticket)
    assert store.violations() == []


def test_an_answer_costs_no_retry_and_gives_none_back(store: Bench) -> None:
    claim = begun(store, max_retries=1)
    ticket = claim.work.ticket_id
    store.finish(claim, "agent_error")
    store.now_ms += 60_000
    store.do(lambda verbs: verbs.promote(now_ms=store.now_ms))
    (second,) = store.claim()
    store.start(second)
    store.ask(second)
    store.finish(second)
    assert store.ticket(ticket).retry_count == 1
    store.answer(ticket, "So")
    (third,) = store.claim()
    store.start(third)
    assert store.finish(third, "agent_error").state == "failed"
    assert store.violations() == []


def test_the_latest_exchanges_go_along_the_oldest_first(store: Bench) -> None:
    ticket = store.one()
    for number in range(EXCHANGES_MAX + 2):
        (claim,) = store.claim()
        store.start(claim)
        store.ask(claim, f"Q{number}")
        store.finish(claim)
        store.answer(ticket, f"A{number}")
    (claim,) = store.claim()
    asked = [one.question for one in claim.work.exchanges]
    assert asked == [f"Q{number}" for number in range(2, EXCHANGES_MAX + 2)]
    assert store.violations() == []


@pytest.mark.parametrize(
    "state", ["backlog", "ready", "working", "blocked", "failed", "in_review"]
)
def test_who_asks_nothing_is_not_answered(store: Bench, state: TicketState) -> None:
    ticket = store.brought_to(state)
    before = store.reads.last_seq()
    refused = store.answer(ticket, "Yes")
    assert isinstance(refused, InvalidTransition)
    assert "asks nothing" in refused.message
    assert store.reads.last_seq() == before


def test_nobody_is_not_answered(store: Bench) -> None:
    assert isinstance(store.answer(7, "Yes"), NotFound)


def test_an_unanswered_question_is_not_told_the_next_run(store: Bench) -> None:
    ticket = store.brought_to("needs_input")
    store.do(lambda verbs: verbs.retry([ticket], fresh=False, now_ms=store.now_ms))
    (claim,) = store.claim()
    assert claim.work.exchanges == ()
    store.start(claim)
    assert store.finish(claim).state == "in_review"


def test_progress_is_kept_until_the_end_and_after(store: Bench) -> None:
    claim = begun(store)
    mark = RunMark(
        run_id=claim.run_id,
        epoch=claim.epoch,
        percent=40,
        step="Testing",
        current_step=2,
        total_steps=5,
    )
    store.do(lambda verbs: verbs.mark([mark]))
    (lease,) = store.reads.leases()
    assert lease.mark == mark
    store.finish(claim, "agent_error")
    late = RunMark(run_id=claim.run_id, epoch=claim.epoch, percent=90)
    store.do(lambda verbs: verbs.mark([late]))
    run = store.reads.run(claim.run_id)
    assert run is not None
    said = (run.progress, run.step, run.current_step, run.total_steps)
    assert said == (40, "Testing", 2, 5)


def test_lines_of_agent_and_link_are_one_log_in_order_of_time(store: Bench) -> None:
    claim = begun(store)
    store.do(lambda verbs: verbs.say([line(store, claim, "first")]))
    store.now_ms += 1
    numbered = RunLog(
        run_id=claim.run_id,
        epoch=claim.epoch,
        seq=2,
        ts_ms=store.now_ms,
        level="warn",
        message="second",
    )
    store.do(lambda verbs: verbs.log([numbered]))
    store.now_ms += 1
    store.do(lambda verbs: verbs.say([line(store, claim, "third")] * 2))
    log = store.reads.run_log(claim.run_id, limit=10)
    assert [one.message for one in log] == ["first", "second", "third", "third"]
    log = store.reads.run_log(claim.run_id, limit=2)
    assert [one.message for one in log] == ["third", "third"]
    (lease,) = store.reads.leases()
    assert lease.last_seq == 2


def test_a_run_may_say_so_much_and_no_more(
    store: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (asking, model_asking):
        monkeypatch.setattr(module, "LINES_SAID_MAX", 2)
    claim = begun(store)
    answers = store.do(lambda verbs: verbs.say([line(store, claim, "x")] * 3))
    assert answers == ["kept", "kept", "full"]
