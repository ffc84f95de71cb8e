"""How a worker is stopped: the steps, their deadlines, and what the end proves.

Decided here: drain, then its runs are cancelled, then SIGKILL, and who waits how
long. The worker itself cancels its runs when the drain's deadline is over (class
``shutdown``: TERM to each tree, KILL after the grace), so the daemon's patience is that
deadline, the grace, and a margin for the last commit, diff and result: always longer
than the worker's own. A worker that is not on the link is asked by SIGTERM, which
means the same to it. Absent: clocks, signals, the link.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from kanban_ipc.words import PROOFS, Proof

MARGIN_S: Final = 15.0
"""Between the last run's KILL and ours: a sweep, a git commit, a diff, two syncs."""
KILL_WAIT_S: Final = 5.0
"""After SIGKILL only a process in an uninterruptible wait is still there; it is then
reported as a survivor, and goes on being watched."""
ABORT_WAIT_S: Final = 2.0
"""Between SIGABRT (write your stack) and SIGKILL."""


class Patience(msgspec.Struct, frozen=True):
    """Seconds granted to one stop, from its beginning."""

    drain_s: float
    """For the runs to finish by themselves: the deadline in ``Drain``."""
    kill_after_s: float
    """Until SIGKILL."""


def patience(*, now: bool, stop_timeout_s: float, grace_s: float) -> Patience:
    """``now``: the runs are cancelled at once."""
    drain_s = 0.0 if now else stop_timeout_s
    return Patience(drain_s, drain_s + grace_s + MARGIN_S)


def earlier(deadline: float | None, now: float, granted: Patience) -> float:
    """When to kill: a stop may be hurried, it is never slowed down."""
    fresh = now + granted.kill_after_s
    return fresh if deadline is None else min(deadline, fresh)


def weakest(proofs: Iterable[Proof], *, process_gone: bool) -> Proof:
    """The level of proof of a whole stop.

    Each run has its own; the worker's process is a single one whose end the kernel
    itself has reported (pidfd_open(2)), which ranks with ``subreaper``. ``none`` as
    soon as anything is not established.
    """
    own: Proof = "subreaper" if process_gone else "none"
    return max((own, *proofs), key=PROOFS.index)
