"""Tickets whose waiting is over: dependencies met, time come."""

from collections.abc import Sequence
from typing import Final

import apsw

from kanband.core import journal
from kanband.store import schedules
from kanband.store.cooling import warm_up
from kanband.store.ledger import Ledger
from kanband.store.reading import next_due_ms
from kanband.store.statements import load

_SQL: Final = load("waking")


def open_dependents(db: apsw.Connection, completed: Sequence[int]) -> bool:
    """What waited for these tickets alone becomes claimable; True when one did.

    A dependency once met stays met: reopening a ticket closes no other.
    """
    numbers = [(number,) for number in completed]
    dependents = set(db.executemany(_SQL["dependents"], numbers))
    if not dependents:
        return False
    db.executemany(_SQL["meet"], numbers)
    return bool(list(db.executemany(_SQL["open"], sorted(dependents))))


def has_unmet(db: apsw.Connection, ticket_id: int) -> bool:
    """Whether a ticket depends on one that was never completed."""
    return bool(db.execute(_SQL["unmet"], (ticket_id,)).get)


def promote(db: apsw.Connection, *, now_ms: int) -> tuple[int, int | None]:
    """See ``Verbs.promote``."""
    ledger = Ledger(db, now_ms)
    warm_up(db, ledger, now_ms)
    cooled = list(db.execute(_SQL["cooled"], (now_ms,)))
    rows = sorted(db.execute(_SQL["due"], (now_ms,)))
    for number, _wait in rows:
        ledger.note(journal.task_due(number))
    ledger.write()
    woken = sum(wait is None for _number, wait in [*rows, *cooled])
    woken += schedules.fire(db, now_ms=now_ms)
    return woken, next_due_ms(db)
