"""Schedules: kept, and the tickets they make.

What a due time leads to is decided in ``core.cron``. The ticket's idempotency key is
the schedule and the due time, so that no clock that jumps and no crash makes it twice.
"""

from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import apsw
import msgspec

from kanban_ipc.control import NewTicket, NotFound
from kanban_ipc.words import TicketState
from kanband.core import cron, journal
from kanband.store import sayings
from kanband.store.adding import add
from kanband.store.ledger import Ledger
from kanband.store.rows import Row, encode
from kanband.store.statements import load
from kanband.store.values import NewSchedule, Schedule

_SQL: Final = load("schedules")
_ticket: Final = msgspec.json.Decoder(NewTicket).decode


def zone_of(name: str) -> ZoneInfo | None:
    """None: there is none of this name, on this machine and now."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def key_of(schedule_id: int, due_ms: int) -> str:
    """What the ticket of a due time is known by."""
    return f"schedule {schedule_id} at {due_ms}"


def schedules(db: apsw.Connection) -> list[Schedule]:
    """See ``Reads.schedules``."""
    return [_schedule(row) for row in db.execute(_SQL["all"])]


def _schedule(row: Row) -> Schedule:
    return Schedule(
        id=row[0],
        cron=row[1],
        zone=row[2],
        missed=row[3],
        ticket=_ticket(row[4]),
        paused=bool(row[5]),
        next_at_ms=row[6],
        last_ticket_id=row[7],
        created_at_ms=row[8],
    )


def _one(db: apsw.Connection, schedule_id: int) -> Schedule | None:
    row = db.execute(_SQL["one"], (schedule_id,)).get
    return None if row is None else _schedule(row)


def add_schedule(db: apsw.Connection, new: NewSchedule, *, now_ms: int) -> Schedule:
    """See ``Verbs.add_schedule``."""
    first = cron.next_ms(new.cron, zone_of(new.zone), now_ms)
    texts = (new.cron, new.zone, new.missed, encode(new.ticket).decode())
    db.execute(_SQL["add"], (*texts, first, now_ms))
    made = _one(db, db.last_insert_rowid())
    assert made is not None
    ledger = Ledger(db, now_ms)
    ledger.note(journal.schedule_added(made.id, new.cron, new.zone, new.ticket.title))
    ledger.write()
    return made


def pause_schedule(
    db: apsw.Connection, schedule_id: int, *, paused: bool, now_ms: int
) -> Schedule | NotFound:
    """See ``Verbs.pause_schedule``."""
    found = _one(db, schedule_id)
    if found is None:
        return sayings.no_schedule(schedule_id)
    if found.paused == paused:
        return found
    coming = None if paused else cron.next_ms(found.cron, zone_of(found.zone), now_ms)
    db.execute(_SQL["pause"], (schedule_id, int(paused), coming))
    ledger = Ledger(db, now_ms)
    ledger.note(journal.schedule_paused(schedule_id, paused=paused))
    ledger.write()
    return msgspec.structs.replace(found, paused=paused, next_at_ms=coming)


def remove_schedule(
    db: apsw.Connection, schedule_id: int, *, now_ms: int
) -> Schedule | NotFound:
    """See ``Verbs.remove_schedule``."""
    found = _one(db, schedule_id)
    if found is None:
        return sayings.no_schedule(schedule_id)
    db.execute(_SQL["remove"], (schedule_id,))
    ledger = Ledger(db, now_ms)
    ledger.note(journal.schedule_removed(schedule_id))
    ledger.write()
    return found


def fire(db: apsw.Connection, *, now_ms: int) -> int:
    """Make the tickets that are due; how many of them are claimable."""
    due = [_schedule(row) for row in db.execute(_SQL["due"], (now_ms,))]
    return sum(_fire(db, each, now_ms) for each in due)


def _fire(db: apsw.Connection, each: Schedule, now_ms: int) -> bool:
    assert each.next_at_ms is not None
    last: TicketState | None = None
    if each.last_ticket_id is not None:
        last = db.execute(_SQL["state_of"], (each.last_ticket_id,)).get
    what = cron.firing(
        each.cron,
        zone_of(each.zone),
        each.next_at_ms,
        now_ms,
        missed=each.missed,
        last=last,
    )
    number, skipped, woke = None, what.skipped, False
    if not skipped:
        key = key_of(each.id, what.due_ms)
        new = msgspec.structs.replace(each.ticket, key=key)
        outcome = add(db, [new], ready=True, now_ms=now_ms)
        if outcome.refused:
            skipped = outcome.refused[0].reason
        else:
            number, woke = outcome.added[0].ticket.id, outcome.woke
    db.execute(_SQL["fired"], (each.id, what.next_ms, number))
    ledger = Ledger(db, now_ms)
    ledger.note(journal.schedule_due(each.id, what.due_ms, number, skipped))
    ledger.write()
    return woke
