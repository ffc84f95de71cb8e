"""How much the word of a worker is worth after it has been silent for a while.

Decided here: ``ok``, ``WARN``, ``STALE``, ``DEAD`` at so many heartbeat intervals
since the latest sign of life, and when our own loop was away, so that the silence is
ours. Computed on demand, never stored. Absent: clocks (times are arguments, monotonic
seconds) and what is done about it.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from kanban_ipc.words import Staleness

GAP_BEATS: Final = 2.0
"""A loop that wakes every beat and finds more than two of them gone was away itself:
stopped, swapped out or in a machine that was suspended. One late beat is load."""


class Beats(msgspec.Struct, frozen=True):
    """The interval of heartbeats and the three thresholds, counted in it."""

    beat_s: float = 5.0
    warn: int = 3
    stale: int = 6
    dead: int = 12

    @property
    def stale_s(self) -> float:
        """Seconds of silence after which a worker is STALE."""
        return self.beat_s * self.stale


def staleness(now: float, signs: Iterable[float | None], beats: Beats) -> Staleness:
    """Judge the silence since the latest of ``signs``.

    ``signs``: when there was a claim, a heartbeat, a reconnection, the daemon's READY
    or the end of a gap (``Presence.since``); None is a sign that never came. At least
    one must have come. A sign of the future (it was noted after ``now`` was read)
    counts as just now.
    """
    latest = max(sign for sign in signs if sign is not None)
    silent_beats = (now - latest) / beats.beat_s
    if silent_beats >= beats.dead:
        return "DEAD"
    if silent_beats >= beats.stale:
        return "STALE"
    if silent_beats >= beats.warn:
        return "WARN"
    return "ok"


class Presence(msgspec.Struct, frozen=True):
    """Since when our own loop has been awake without a gap."""

    since: float
    last: float

    @classmethod
    def begin(cls, now: float) -> "Presence":
        """The daemon is READY."""
        return cls(since=now, last=now)

    def tick(self, now: float, beat_s: float) -> "Presence":
        """The loop is awake at ``now``; it means to be so every ``beat_s``."""
        away = now - self.last > GAP_BEATS * beat_s
        return Presence(since=now if away else self.since, last=now)
