"""Workers' rows, switches of the queue, and the journal's plain notes."""

from collections.abc import Sequence
from typing import Final

import apsw
import msgspec

from kanban_ipc.control import NotFound
from kanban_ipc.words import WorkerId
from kanband.core import journal
from kanband.store import sayings
from kanband.store.ledger import Ledger
from kanband.store.rows import encode
from kanband.store.statements import load
from kanband.store.values import Note, WorkerRow

_SQL: Final = load("workers")
_READING: Final = load("reading")
_MOVING: Final = load("moving")
_decode: Final = msgspec.json.Decoder(WorkerRow).decode


def put_workers(
    db: apsw.Connection,
    rows: Sequence[WorkerRow],
    notes: Sequence[Note],
    *,
    now_ms: int,
) -> None:
    """See ``Verbs.put_workers``."""
    db.executemany(_SQL["put"], [(row.worker_id, encode(row).decode()) for row in rows])
    note(db, notes, now_ms=now_ms)


def drop_workers(
    db: apsw.Connection, worker_ids: Sequence[WorkerId], *, now_ms: int
) -> None:
    """See ``Verbs.drop_workers``."""
    ledger = Ledger(db, now_ms)
    for worker_id in worker_ids:
        held = db.execute(_SQL["holds"], (worker_id,)).get
        assert held is None, f"{worker_id} still holds a run; transfer it first"
        db.execute(_SQL["drop"], (worker_id,))
        if db.changes():
            ledger.note(journal.worker_dropped(worker_id))
    ledger.write()


def workers(db: apsw.Connection) -> list[WorkerRow]:
    """By id."""
    return [
        msgspec.structs.replace(_decode(text), tickets_processed=processed)
        for text, processed in db.execute(_READING["workers"])
    ]


def want_workers(db: apsw.Connection, count: int | None, *, now_ms: int) -> None:
    """See ``Verbs.set_wanted_workers``."""
    if wanted_workers(db) == count:
        return
    if count is None:
        db.execute(_SQL["want_nothing"])
    else:
        db.execute(_SQL["want"], (count,))
    ledger = Ledger(db, now_ms)
    ledger.note(journal.workers_wanted(count))
    ledger.write()


def wanted_workers(db: apsw.Connection) -> int | None:
    """See ``Reads.wanted_workers``."""
    count: int | None = db.execute(_READING["wanted_workers"]).get
    return count


def pause(
    db: apsw.Connection, *, paused: bool, board: str | None, now_ms: int
) -> NotFound | bool:
    """See ``Verbs.pause``."""
    if board is None:
        db.execute(_MOVING["pause_queue"], (int(paused),))
    elif db.execute(_MOVING["board"], (board,)).get is None:
        return sayings.no_board(board)
    else:
        db.execute(_MOVING["pause_board"], (board, int(paused)))
    if db.changes() == 0:
        return False
    ledger = Ledger(db, now_ms)
    ledger.note(journal.paused(board, paused=paused))
    ledger.write()
    return True


def note(db: apsw.Connection, notes: Sequence[Note], *, now_ms: int) -> None:
    """See ``Verbs.note``."""
    ledger = Ledger(db, now_ms)
    for one in notes:
        assert one.type not in journal.TRANSITIONS, "a note is no transition"
        ledger.note(journal.Entry(one.sender, one.type, one.ticket_id, one.payload))
    ledger.write()
