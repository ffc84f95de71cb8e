"""How long a worker waits before it is started again, and when it is given up.

Theory. Two kinds of failure are counted apart, because they mean different things. A
worker that had said hello and then died is *restarted*: at once the first time, then
ever more slowly, and after a while in RUNNING the count is forgotten. A start that
*failed before hello* is a fault of the installation rather than of the work: it
always waits, and too many within a window mean FATAL, where only a person helps.
Both share one count for the delay, so that a worker which alternates between the
two slows down as well.

Absent: clocks and randomness. ``now`` is monotonic seconds, ``jitter`` in [-1, 1].
"""

from typing import Final

import msgspec

JITTER: Final = 0.2
"""Part of a delay by which it varies, so that workers that died together do not come
back together."""
DOUBLINGS_MAX: Final = 64
"""Beyond it the cap has long been reached, and the power would overflow."""


class Policy(msgspec.Struct, frozen=True):
    """``[workers]``, as far as it decides about restarts."""

    initial_s: float = 0.1
    max_s: float = 30.0
    healthy_s: float = 10.0
    fatal_failures: int = 5
    fatal_window_s: float = 60.0


class History(msgspec.Struct, frozen=True):
    """What is remembered of a worker's ends."""

    in_a_row: int = 0
    """Ends since the worker was last healthy."""
    failures: tuple[float, ...] = ()
    """When starts failed before hello, within the window."""
    running_since: float | None = None


def running(history: History, now: float) -> History:
    """The worker has said hello."""
    return History(history.in_a_row, history.failures, now)


def ended(history: History, now: float, policy: Policy) -> History:
    """An end after hello: one more in a row, unless it was healthy for long enough."""
    if _was_healthy(history, now, policy):
        return History(in_a_row=1)
    return History(history.in_a_row + 1, history.failures)


def failed(history: History, now: float, policy: Policy) -> History:
    """A start failed before hello."""
    after = now - policy.fatal_window_s
    recent = (*(at for at in history.failures if at > after), now)
    return History(history.in_a_row + 1, recent[-policy.fatal_failures - 1 :])


def exhausted(history: History, policy: Policy) -> bool:
    """More failures before hello within the window than are borne: FATAL."""
    return len(history.failures) > policy.fatal_failures


def delay_s(history: History, jitter: float, policy: Policy) -> float:
    """How long to wait before the start that follows the end noted last.

    0 for the first end in a row, if it came after hello; else the initial delay,
    doubled each time and capped (the cap comes before the jitter).
    """
    if history.in_a_row <= 1 and not history.failures:
        return 0.0
    doublings = max(0, history.in_a_row - (1 if history.failures else 2))
    delay = policy.initial_s * 2.0 ** min(doublings, DOUBLINGS_MAX)
    return min(delay, policy.max_s) * (1.0 + JITTER * jitter)


def _was_healthy(history: History, now: float, policy: Policy) -> bool:
    since = history.running_since
    return since is not None and now - since >= policy.healthy_s
