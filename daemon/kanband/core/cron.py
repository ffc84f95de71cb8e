"""When a schedule is due, and what a due time leads to.

A time table is a cron expression of five fields in a time zone, read as Debian's cron
reads it (``cronsim``): where the clocks go forward, a daily job of the missing hour is
due at once after it; where they go back, it is due once.

However late one looks, there is at most one ticket to be made: for the latest due time
that has passed. It is *missed* when it is late by more than ``GRACE_S`` (the machine
was down, or its clock was set forward); the schedule says whether a missed one is made
up for. None is made while the work of the last one goes on.
"""

from datetime import UTC, datetime, tzinfo
from typing import Final, Literal

import msgspec
from cronsim import CronSim, CronSimError

from kanban_ipc.words import TicketState

Missed = Literal["once", "skip"]
GRACE_S: Final = 300
"""The due timer looks at least once a minute; a busy machine has its reasons, too."""
RESTING: Final[frozenset[TicketState]] = frozenset(
    ("in_review", "approved", "completed", "failed", "cancelled")
)
"""The work of such a ticket does not go on by itself, so nothing can overlap it."""
NO_ZONE_S: Final = 3_600
"""A store may come to a machine that does not know a schedule's time zone. Nothing is
due then, and this is how long until it is asked again."""
EXAMPLES: Final = "'0 3 * * *' is every night at three, '*/15 9-17 * * MON-FRI' …"


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """What a schedule that is due leads to."""

    due_ms: int
    """The latest due time that has passed: it names the ticket."""
    next_ms: int | None
    skipped: str
    """Why no ticket is made; empty: one is."""


def fault(cron: str) -> str:
    """Why an expression is none, or never due; empty: it is one."""
    if len(cron.split()) != 5:  # noqa: PLR2004 - minute hour day month weekday
        return f"{cron!r:.80} does not have five fields; e.g. {EXAMPLES}"
    try:
        next(CronSim(cron, datetime(2025, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        return f"{cron!r:.80} is no cron expression ({error}); e.g. {EXAMPLES}"
    except StopIteration:
        return f"{cron!r:.80} is never due"
    return ""


def next_ms(cron: str, zone: tzinfo | None, after_ms: int) -> int | None:
    """The first due time after this one; None: there is none within 50 years."""
    if zone is None:
        return after_ms + NO_ZONE_S * 1000
    found = next(CronSim(cron, _moment(after_ms, zone)), None)
    return None if found is None else round(found.timestamp() * 1000)


def upcoming(cron: str, zone: tzinfo | None, after_ms: int, count: int) -> list[int]:
    """The next due times, at most so many."""
    if zone is None:
        return []
    found: list[int] = []
    for each in CronSim(cron, _moment(after_ms, zone)):
        if len(found) == count:
            break
        found.append(round(each.timestamp() * 1000))
    return found


def firing(
    cron: str,
    zone: tzinfo | None,
    due_ms: int,
    now_ms: int,
    *,
    missed: Missed,
    last: TicketState | None,
) -> Firing:
    """``due_ms`` has passed; ``last``: the state of the ticket made last, if any."""
    if zone is None:
        return Firing(
            due_ms=due_ms,
            next_ms=next_ms(cron, zone, now_ms),
            skipped="this machine does not know its time zone (install tzdata); it is "
            "looked at again in an hour",
        )
    before = next(CronSim(cron, _moment(now_ms + 1000, zone), reverse=True), None)
    latest = due_ms if before is None else round(before.timestamp() * 1000)
    latest = max(due_ms, latest) if latest <= now_ms else due_ms
    skipped = ""
    if missed == "skip" and now_ms - latest > GRACE_S * 1000:
        skipped = "it was missed, and this schedule skips what it missed"
    elif last is not None and last not in RESTING:
        skipped = f"its last ticket is still {last}"
    return Firing(due_ms=latest, next_ms=next_ms(cron, zone, now_ms), skipped=skipped)


def _moment(ms: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(ms // 1000, tz=UTC).astimezone(zone)
