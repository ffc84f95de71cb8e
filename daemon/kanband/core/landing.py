"""What a run's result makes of its ticket.

The result says how the run ended; a recorded wish to cancel is stronger than any
result. Then a question: an agent that asked is answered before it is tried again,
however its run ended (by itself with any exit status, at a limit, lost), unless by what
no answer mends (``UNANSWERED``). The rest follows from the failure's class
(``retries``). Whether the run may
speak for its ticket at all (run id and epoch) is the store's question, asked before.
"""

from functools import lru_cache
from typing import Final, Literal

import msgspec

from kanban_ipc.bounds import MESSAGE_CHARS_MAX
from kanban_ipc.link import Result
from kanban_ipc.words import FailureClass, RunStatus, Sender, TicketState
from kanband.core.retries import RULES, WHAT, RetryPolicy, Rule, Tally, decide
from kanband.core.tickets import SYSTEM, USER

Wish = Literal["cancel", "requeue", "shutdown"]
OnSuccess = Literal["review", "complete"]

REVIEW_REASON: Final = "The run ended well; its result waits for review."
COMPLETE_REASON: Final = "The run ended well."
CANCELLED_REASON: Final = "It was cancelled while it ran; retry it to have it done."
REQUEUED_REASON: Final = "Its run was cancelled; it goes on at the next opportunity."


ASKED_REASON: Final = "Its agent asks: "
UNANSWERED: Final[frozenset[Rule]] = frozenset(("never", "cools down"))
"""Rules of failures that an answer does not mend: the question falls with the run."""
_BY_ITSELF: Final[frozenset[FailureClass | None]] = frozenset(
    (None, "agent_error", "deferred")
)
"""The agent's own end. After a question it is a good one, whatever its exit status:
``kanbanctl ask …; exit 1`` is how a script says that it cannot go on.
"""


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
    question: str = "",
) -> Landing:
    """Where the ticket goes from ``assigned`` or ``working``.

    ``question``: what the run's agent asked; empty: nothing.
    """
    finished = result.outcome == "finished"
    ran = finished or result.agent_started_ms > 0 or bool(question)
    through_working = state == "assigned" and ran
    if wish in ("cancel", "requeue"):
        landing = _as_wished(wish == "requeue", tally, through_working)
    elif question and _stands(result):
        landing = _asked(question, result, tally, through_working)
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


def _stands(result: Result) -> bool:
    if result.outcome == "finished":
        return True
    return RULES[result.failure or _unnamed(result)] not in UNANSWERED


def _asked(
    question: str, result: Result, tally: Tally, through_working: bool
) -> Landing:
    finished = result.outcome == "finished"
    failure = None if finished else result.failure or _unnamed(result)
    by_itself = failure in _BY_ITSELF
    message = _sentence(result.message[:MESSAGE_CHARS_MAX])
    lost = "" if by_itself or failure is None else f"{WHAT[failure]}. {message}"
    ended: RunStatus = "aborted" if result.outcome == "aborted" else "error"
    return Landing(
        target="needs_input",
        sender="system",
        through_working=through_working,
        status="finished" if by_itself else ended,
        failure=None if by_itself else failure,
        reason=f"{ASKED_REASON}{question}",
        previous_failure=lost.rstrip(),
        due_at_ms=None,
        tally=Tally(max_retries=tally.max_retries, retry_count=tally.retry_count)
        if by_itself
        else tally,
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
