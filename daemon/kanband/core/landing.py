"""What a run's result makes of its ticket.

The result says how the run ended; a recorded wish to cancel is stronger than any
result; the rest follows from the failure's class (``retries``). Whether the run may
speak for its ticket at all (run id and epoch) is the store's question, asked before.
"""

from functools import lru_cache
from typing import Final, Literal

import msgspec

from kanban_ipc.bounds import MESSAGE_CHARS_MAX
from kanban_ipc.link import Result
from kanban_ipc.words import FailureClass, RunStatus, Sender, TicketState
from kanband.core.retries import WHAT, RetryPolicy, Tally, decide
from kanband.core.tickets import SYSTEM, USER

Wish = Literal["cancel", "requeue", "shutdown"]
OnSuccess = Literal["review", "complete"]

REVIEW_REASON: Final = "The run ended well; its result waits for review."
COMPLETE_REASON: Final = "The run ended well."
CANCELLED_REASON: Final = "It was cancelled while it ran; retry it to have it done."
REQUEUED_REASON: Final = "Its run was cancelled; it goes on at the next opportunity."


class Landing(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a run, decided."""

    target: TicketState
    sender: Sender
    """Whose transition into ``target`` it is."""
    through_working: bool
    """The start was never reported, but the agent did run."""
    status: RunStatus
    failure: FailureClass | None
    reason: str
    previous_failure: str | None
    """For the next attempt's prompt; None: leave the one that is there."""
    due_at_ms: int | None
    tally: Tally

    @property
    def cools_down(self) -> bool:
        """Its provider refused: it waits until that has cooled down."""
        return self.target == "ready" and self.failure == "rate_limited"


def land(
    state: TicketState,
    wish: Wish | None,
    tally: Tally,
    result: Result,
    *,
    on_success: OnSuccess,
    policy: RetryPolicy,
    jitter: float,
    now_ms: int,
) -> Landing:
    """Where the ticket goes from ``assigned`` or ``working``."""
    finished = result.outcome == "finished"
    through_working = state == "assigned" and (finished or result.agent_started_ms > 0)
    if wish in ("cancel", "requeue"):
        landing = _as_wished(wish == "requeue", tally, through_working)
    elif finished:
        landing = _well(
            on_success, tally.max_retries, tally.retry_count, through_working
        )
    else:
        landing = _failed(
            result, tally, through_working, policy=policy, jitter=jitter, now_ms=now_ms
        )
    last = "working" if through_working else state
    table = USER if landing.sender == "user" else SYSTEM
    assert landing.target in table[last], f"{last} → {landing.target} is not legal"
    return landing


def _as_wished(requeue: bool, tally: Tally, through_working: bool) -> Landing:
    return Landing(
        target="ready" if requeue else "cancelled",
        sender="system" if requeue else "user",
        through_working=through_working,
        status="aborted",
        failure="cancelled",
        reason=REQUEUED_REASON if requeue else CANCELLED_REASON,
        previous_failure=None,
        due_at_ms=None,
        tally=tally,
    )


@lru_cache(maxsize=1_024)
def _well(
    on_success: OnSuccess, max_retries: int, retry_count: int, through_working: bool
) -> Landing:
    """Few and frozen, and the most frequent by far: each is made once."""
    complete = on_success == "complete"
    return Landing(
        target="completed" if complete else "in_review",
        sender="system",
        through_working=through_working,
        status="finished",
        failure=None,
        reason=COMPLETE_REASON if complete else REVIEW_REASON,
        previous_failure="",
        due_at_ms=None,
        tally=Tally(max_retries=max_retries, retry_count=retry_count),
    )


def _failed(
    result: Result,
    tally: Tally,
    through_working: bool,
    *,
    policy: RetryPolicy,
    jitter: float,
    now_ms: int,
) -> Landing:
    failure = result.failure or _unnamed(result)
    verdict = decide(failure, tally, policy, jitter)
    message = _sentence(result.message[:MESSAGE_CHARS_MAX])
    return Landing(
        target="ready" if verdict.again else "failed",
        sender="system",
        through_working=through_working,
        status="aborted" if result.outcome == "aborted" else "error",
        failure=failure,
        reason=f"{verdict.sentence} {message}".rstrip(),
        previous_failure=f"{WHAT[failure]}. {message}".rstrip(),
        due_at_ms=now_ms + verdict.delay_ms if verdict.delay_ms > 0 else None,
        tally=verdict.tally,
    )


def _sentence(message: str) -> str:
    """It follows a full stop."""
    return message[:1].upper() + message[1:]


def _unnamed(result: Result) -> FailureClass:
    """The class of a failure that came without one: the worker's protocol forbids it,
    and the ticket must not be lost for it.
    """
    return "shutdown" if result.outcome == "aborted" else "agent_error"
