"""What a result makes of its ticket, by itself."""

import msgspec
import pytest

from kanban_ipc.bounds import MESSAGE_CHARS_MAX
from kanban_ipc.link import Result
from kanban_ipc.words import FAILURE_CLASSES, FailureClass, TicketState
from kanband.core.landing import Landing, OnSuccess, Wish, land
from kanband.core.retries import RetryPolicy, Tally
from kanband.core.tickets import SYSTEM, USER


def _land(
    result: Result,
    *,
    state: TicketState = "working",
    wish: Wish | None = None,
    on_success: OnSuccess = "review",
    question: str = "",
) -> Landing:
    return land(
        state,
        wish,
        Tally(max_retries=1, retry_count=1, losses=1, deferrals=1),
        result,
        on_success=on_success,
        policy=RetryPolicy(),
        jitter=0.0,
        now_ms=1_000,
        question=question,
    )


def test_success_keeps_what_was_counted_and_ends_the_rows() -> None:
    landing = _land(Result(outcome="finished"))
    assert landing.target == "in_review"
    assert landing.tally == Tally(max_retries=1, retry_count=1)
    assert landing.previous_failure == ""


@pytest.mark.parametrize("wish", ["cancel", "requeue"])
def test_a_wish_leaves_the_counts_alone(wish: Wish) -> None:
    landing = _land(Result(outcome="error", failure="agent_error"), wish=wish)
    assert landing.tally.losses == 1
    assert landing.previous_failure is None
    assert (landing.status, landing.failure) == ("aborted", "cancelled")


def test_a_wish_to_shut_down_is_carried_out_by_the_result() -> None:
    landing = _land(Result(outcome="aborted", failure="shutdown"), wish="shutdown")
    assert (landing.target, landing.status) == ("ready", "aborted")


@pytest.mark.parametrize(
    ("outcome", "failure"), [("error", "agent_error"), ("aborted", "shutdown")]
)
def test_a_failure_without_a_class_gets_one(outcome: str, failure: str) -> None:
    assert _land(Result(outcome=outcome)).failure == failure  # type: ignore[arg-type]


def test_the_agents_words_begin_a_sentence_of_their_own() -> None:
    landing = _land(Result(outcome="error", failure="auth", message="no such key."))
    assert landing.reason.endswith("then retry it. No such key.")


def test_a_long_message_is_cut() -> None:
    result = Result(outcome="error", failure="auth", message="m" * 9_999)
    landing = _land(result)
    assert landing.reason.count("m") < MESSAGE_CHARS_MAX + 50


def test_a_start_that_was_not_reported_is_inferred() -> None:
    assert _land(Result(outcome="finished"), state="assigned").through_working
    ran = Result(outcome="error", failure="timeout", agent_started_ms=1)
    assert _land(ran, state="assigned").through_working
    assert not _land(ran, state="working").through_working
    never = Result(outcome="error", failure="setup")
    assert not _land(never, state="assigned").through_working


@pytest.mark.parametrize("failure", [None, *FAILURE_CLASSES])
@pytest.mark.parametrize("wish", [None, "cancel", "requeue", "shutdown"])
@pytest.mark.parametrize("state", ["assigned", "working"])
@pytest.mark.parametrize("started_ms", [0, 1])
def test_every_landing_is_along_an_edge_of_the_table(
    failure: FailureClass | None, wish: Wish | None, state: TicketState, started_ms: int
) -> None:
    result = Result(
        outcome="error" if failure else "finished",
        failure=failure,
        agent_started_ms=started_ms,
    )
    landing = _land(result, state=state, wish=wish, on_success="complete")
    last: TicketState = "working" if landing.through_working else state
    table = USER if landing.sender == "user" else SYSTEM
    assert landing.target in table[last]


@pytest.mark.parametrize("state", ["assigned", "working"])
@pytest.mark.parametrize("failure", [None, *FAILURE_CLASSES])
def test_a_question_stands_unless_no_answer_mends_the_end(
    failure: FailureClass | None, state: TicketState
) -> None:
    result = Result(outcome="error" if failure else "finished", failure=failure)
    landing = _land(result, state=state, question="Which?")
    if failure in ("auth", "setup", "over_budget", "rate_limited"):
        assert landing == _land(
            msgspec.structs.replace(result, agent_started_ms=1), state=state
        )
        return
    assert (landing.target, landing.due_at_ms) == ("needs_input", None)
    assert landing.through_working is (state == "assigned")
    assert landing.tally.retry_count == 1
    by_itself = failure in (None, "agent_error", "deferred")
    assert (landing.status == "finished") is by_itself
    assert landing.failure == (None if by_itself else failure)
    assert bool(landing.previous_failure) is not by_itself


@pytest.mark.parametrize(
    ("wish", "target"), [("cancel", "cancelled"), ("requeue", "ready")]
)
def test_a_wish_is_stronger_than_a_question(wish: Wish, target: str) -> None:
    landing = _land(Result(outcome="finished"), wish=wish, question="Which?")
    assert landing.target == target
