"""Which workers there are to be: ids, and who joins or goes when a number is wanted.

Decided here: the lowest free ``worker-N``; that scaling up takes back stopped workers
before it makes new ones; that scaling down takes those that do not run, then the
highest; that workers which are restricted to agents or a repository are neither
counted nor taken. Absent: processes, and the store, which keeps the outcome.
"""

import re
from collections.abc import Collection, Sequence
from itertools import count
from typing import Final

import msgspec

from kanban_ipc.words import WorkerId
from kanband.core.workers import Wanted

_NUMBERS: Final = re.compile(r"(\d+)", re.ASCII)


class Seat(msgspec.Struct, frozen=True):
    """A known worker, as far as its number matters."""

    worker_id: WorkerId
    wanted: Wanted
    alive: bool = False
    restricted: bool = False
    """It takes some agents' or one repository's tickets only: a specialist, which no
    number counts."""


class Change(msgspec.Struct, frozen=True):
    """What is to be done for the number that is wanted."""

    start: tuple[WorkerId, ...] = ()
    """New ids are among them."""
    remove: tuple[WorkerId, ...] = ()


def natural(worker_id: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that puts ``worker-2`` before ``worker-10``."""
    parts = _NUMBERS.split(worker_id)
    return tuple((1, int(p), "") if p.isdecimal() else (0, 0, p) for p in parts)


def lowest_free(taken: Collection[str], wanted: int) -> list[WorkerId]:
    """So many ids ``worker-N`` that are not taken, lowest first."""
    free = (f"worker-{n}" for n in count(1) if f"worker-{n}" not in taken)
    return [WorkerId(next(free)) for _ in range(wanted)]


def scale(seats: Sequence[Seat], wanted: int) -> Change:
    """What brings the number of unrestricted workers wanted running to ``wanted``."""
    running = [s for s in seats if s.wanted == "run" and not s.restricted]
    missing = wanted - len(running)
    if missing >= 0:
        return Change(start=tuple(_joining(seats, missing)))
    first_to_go = sorted(
        running,
        key=lambda seat: (not seat.alive, natural(seat.worker_id)),
        reverse=True,
    )
    return Change(remove=tuple(seat.worker_id for seat in first_to_go[:-missing]))


def fresh(seats: Sequence[Seat], wanted: int) -> list[WorkerId]:
    """Ids for so many additional workers: lowest first, stopped ones included."""
    return lowest_free({s.worker_id for s in seats if s.wanted == "run"}, wanted)


def at_start(seats: Sequence[Seat], chosen: int | None, configured: int) -> Change:
    """What a starting daemon makes of its configuration.

    ``chosen``: the number that a person's commands (start, stop, scale) have led to;
    None: there were none, so the configuration decides. Otherwise the rows do.
    """
    return Change() if chosen is not None else scale(seats, configured)


def _joining(seats: Sequence[Seat], missing: int) -> list[WorkerId]:
    stopped = sorted(
        (s.worker_id for s in seats if s.wanted == "stop" and not s.restricted),
        key=natural,
    )
    back = stopped[:missing]
    known = {seat.worker_id for seat in seats}
    return back + lowest_free(known, missing - len(back))
