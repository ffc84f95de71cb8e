"""What a failure costs and when its ticket is tried again.

Each failure class has one row: whether it counts against ``max_retries``, and how
long the ticket waits.

* *counted*: the nth counted failure waits ``initial_s * factor ** (n - 1)``, jittered
  and capped; when ``max_retries`` are used up, the ticket fails.
* *backs off*: the same delays by a count of its own; never used up.
* *cools down*: when its provider has cooled down (``cooldowns``); nothing is counted.
* *lost*: at once, but a ticket that loses its worker or host so often in a row is
  poison and fails.
* *at once*: not its fault; nothing is counted. A few in a row are bad luck, more are
  something that ends the ticket's runs: from then on it waits as if it backed off.
* *never*: retrying cannot mend it.

A failure of one kind ends the row of another: a loss after an error is the first.
Interruptions that say nothing of the ticket (*at once*) end no row of losses.
"""

from collections.abc import Callable
from typing import Final, Literal, get_args

import msgspec

from kanban_ipc.words import FAILURE_CLASSES, FailureClass

Rule = Literal["counted", "backs off", "cools down", "lost", "at once", "never"]

RULES: Final[dict[FailureClass, Rule]] = {
    "agent_error": "counted",
    "timeout": "counted",
    "stalled": "counted",
    "deferred": "backs off",
    "shutdown": "at once",
    "worker_lost": "lost",
    "host_lost": "lost",
    "rate_limited": "cools down",
    "auth": "never",
    "setup": "never",
    "over_budget": "never",
    # Nobody's recorded wish: somebody signalled the shim by hand. Trying again at
    # once would fight that person, failing would need another one.
    "cancelled": "backs off",
}
assert set(RULES) == set(FAILURE_CLASSES)

WHAT: Final[dict[FailureClass, str]] = {
    "agent_error": "The agent failed",
    "timeout": "The run exceeded its time limit",
    "stalled": "The agent was silent for too long",
    "deferred": "The run was put off",
    "shutdown": "The run was interrupted by a shutdown",
    "worker_lost": "The run was lost with its worker",
    "host_lost": "The run was lost when the machine went down",
    "rate_limited": "The provider refused for now (rate limit)",
    "auth": "The provider refused the credentials",
    "setup": "The run could not be set up",
    "over_budget": "The run exceeded its budget",
    "cancelled": "The run was cancelled",
}
assert set(WHAT) == set(FAILURE_CLASSES)

INTERRUPTIONS_AT_ONCE: Final = 3
"""In a row. An agent that kills its own shim, for one, would go round for ever."""
_EXPONENT_MAX: Final = 64
"""Where every delay is at its cap; 2^n itself would overflow a float at 1024."""


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """``[retries]`` and what else decides a retry."""

    initial_s: float = 10.0
    factor: float = 2.0
    max_s: float = 900.0
    jitter: float = 0.2
    lost_in_a_row_max: int = 3
    """Losses of worker or host in a row before a ticket is poison."""


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What a ticket has been through since it was last started anew."""

    max_retries: int
    retry_count: int = 0
    """Counted failures."""
    losses: int = 0
    """In a row."""
    deferrals: int = 0
    """In a row, interruptions too; they make the next wait longer."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of the ticket."""

    again: bool
    delay_ms: int
    tally: Tally
    sentence: str
    """What happened and what follows, for people; without the agent's own message, and
    without the delay: it is read at any time, and the ticket says when it is due."""


def decide(
    failure: FailureClass, tally: Tally, policy: RetryPolicy, jitter: float
) -> Verdict:
    """The verdict on a failed run; ``jitter`` in [-1, 1] is scaled by the policy."""
    return _DECIDE[RULES[failure]](failure, tally, policy, jitter)


def _counted(
    failure: FailureClass, tally: Tally, policy: RetryPolicy, jitter: float
) -> Verdict:
    count = tally.retry_count + 1
    allowed = tally.max_retries
    if count > allowed:
        return Verdict(
            again=False,
            delay_ms=0,
            tally=Tally(max_retries=allowed, retry_count=tally.retry_count),
            sentence=f"{WHAT[failure]}. {_used_up(allowed + 1)}",
        )
    delay_ms = backoff_ms(count, policy, jitter)
    return Verdict(
        again=True,
        delay_ms=delay_ms,
        tally=Tally(max_retries=allowed, retry_count=count),
        sentence=f"{WHAT[failure]}. Retry {count} of {allowed} follows.",
    )


def _put_off(
    failure: FailureClass, tally: Tally, policy: RetryPolicy, jitter: float
) -> Verdict:
    count = tally.deferrals + 1
    delay_ms = backoff_ms(count, policy, jitter)
    return Verdict(
        again=True,
        delay_ms=delay_ms,
        tally=msgspec.structs.replace(tally, losses=0, deferrals=count),
        sentence=f"{WHAT[failure]}. It is tried again later.",
    )


def _cooled(
    failure: FailureClass, tally: Tally, _policy: RetryPolicy, _jitter: float
) -> Verdict:
    return Verdict(
        again=True,
        delay_ms=0,
        tally=msgspec.structs.replace(tally, losses=0, deferrals=0),
        sentence=f"{WHAT[failure]}. It goes on when the provider has cooled down; "
        "no attempt is counted.",
    )


def _lost(
    failure: FailureClass, tally: Tally, policy: RetryPolicy, _jitter: float
) -> Verdict:
    losses = tally.losses + 1
    again = losses < policy.lost_in_a_row_max
    follows = (
        "It is tried again at once."
        if again
        else f"This happened {losses} times in a row, so the ticket is set aside as "
        "poison: find out what it does to its worker, then retry it."
    )
    return Verdict(
        again=again,
        delay_ms=0,
        tally=msgspec.structs.replace(tally, losses=losses, deferrals=0),
        sentence=f"{WHAT[failure]}. {follows}",
    )


def _at_once(
    failure: FailureClass, tally: Tally, policy: RetryPolicy, jitter: float
) -> Verdict:
    count = tally.deferrals + 1
    waits = count - INTERRUPTIONS_AT_ONCE
    follows = (
        "It goes on at the next opportunity."
        if waits <= 0
        else "This was not the first time in a row, so it goes on later: see what ends "
        "its runs."
    )
    return Verdict(
        again=True,
        delay_ms=backoff_ms(waits, policy, jitter) if waits > 0 else 0,
        tally=msgspec.structs.replace(tally, deferrals=count),
        sentence=f"{WHAT[failure]}. {follows}",
    )


def _never(
    failure: FailureClass, tally: Tally, _policy: RetryPolicy, _jitter: float
) -> Verdict:
    return Verdict(
        again=False,
        delay_ms=0,
        tally=tally,
        sentence=f"{WHAT[failure]}. Retrying cannot mend this: "
        "remove the cause, then retry it.",
    )


_DECIDE: Final[
    dict[Rule, Callable[[FailureClass, Tally, RetryPolicy, float], Verdict]]
] = {
    "counted": _counted,
    "backs off": _put_off,
    "cools down": _cooled,
    "lost": _lost,
    "at once": _at_once,
    "never": _never,
}
assert set(_DECIDE) == set(get_args(Rule))


def backoff_ms(count: int, policy: RetryPolicy, jitter: float) -> int:
    """The nth wait, from 1; the cap holds for what the jitter makes of it, too."""
    exponent = min(count - 1, _EXPONENT_MAX)
    bare_s = min(policy.initial_s * policy.factor**exponent, policy.max_s)
    delay_s = min(bare_s * (1.0 + policy.jitter * jitter), policy.max_s)
    return max(0, round(delay_s * 1000))


def _used_up(attempts: int) -> str:
    if attempts == 1:
        return "No retries are allowed; retry it by hand when the cause is gone."
    return f"All {attempts} attempts are used up; retry it when the cause is gone."
