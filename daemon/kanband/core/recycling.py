"""When a worker has become too large or too old, and is to make room for a fresh one.

Theory. A worker runs for weeks, and what its callables and libraries leak stays with
it. Past a limit it drains: it takes nothing new, finishes what it does, and its exit is
an expected one, which the automaton answers with a start. Each incarnation has limits
of its own, up to ``SPREAD`` below the configured ones, so that workers that were
started together are not recycled together. Between its own limit and the configured one
it goes only when it is idle; at the configured one it waits for nothing.

Absent: clocks, and randomness (an incarnation's name is random, and stays the same for
the next daemon).
"""

import hashlib
from typing import Final

import msgspec

SPREAD: Final = 0.2
"""As the jitter of ``backoff``, but never beyond what was configured."""
DRAIN_S: Final = 7 * 86_400.0
"""The deadline of such a drain: no run may take longer, so none is ever cancelled."""
_MIB: Final = 1 << 20


class Limits(msgspec.Struct, frozen=True):
    """``[workers]``, as far as it decides about recycling; None: no limit."""

    max_rss_mb: int | None = None
    max_age_s: float | None = None

    @property
    def any(self) -> bool:
        """Whether there is anything to look at."""
        return self.max_rss_mb is not None or self.max_age_s is not None


def reason(
    limits: Limits, name: str, *, rss_bytes: int, age_s: float, idle: bool
) -> str:
    """Why the incarnation ``name`` is to be recycled now; empty: it is not."""
    part = 1.0 if not idle else share(name)
    rss_mb = rss_bytes / _MIB
    if limits.max_rss_mb is not None and rss_mb >= limits.max_rss_mb * part:
        return f"{rss_mb:.0f} MiB of memory (max_rss_mb = {limits.max_rss_mb})"
    if limits.max_age_s is not None and age_s >= limits.max_age_s * part:
        return f"{age_s:.0f} s old (max_age_s = {limits.max_age_s:g})"
    return ""


def share(name: str) -> float:
    """The part of the configured limits that is an incarnation's own."""
    digest = hashlib.sha256(name.encode()).digest()
    return 1.0 - SPREAD * int.from_bytes(digest[:8]) / 2**64
