"""Reading the journal."""

from collections.abc import Sequence
from typing import Final

import apsw
import msgspec

from kanban_ipc.control import Event
from kanban_ipc.words import RunId
from kanband.core.journal import Payload
from kanband.store.rows import Row, encode
from kanband.store.statements import load

_SQL: Final = load("journal")
_payload: Final = msgspec.json.Decoder(Payload).decode


def events(
    db: apsw.Connection,
    *,
    since: int,
    limit: int,
    ticket_id: int | None,
    types: Sequence[str],
) -> list[Event]:
    """See ``Reads.events``."""
    name = "events" if ticket_id is None else "events_of_ticket"
    values: list[int | str] = [since] if ticket_id is None else [ticket_id, since]
    if types:
        name = "events_of_types" if ticket_id is None else "events_of_ticket_and_types"
        values.append(encode(list(types)).decode())
    return [_event(row) for row in db.execute(_SQL[name], (*values, limit))]


def events_of_run(
    db: apsw.Connection, ticket_id: int, run_id: RunId, *, since: int, limit: int
) -> list[Event]:
    """See ``Reads.events_of_run``."""
    values = (ticket_id, since, run_id, limit)
    return [_event(row) for row in db.execute(_SQL["events_of_run"], values)]


def _event(row: Row) -> Event:
    return Event(
        seq=row[0],
        ts_ms=row[1],
        sender=row[2],
        type=row[3],
        ticket_id=row[4],
        payload=_payload(row[5]),
    )


def last_seq(db: apsw.Connection) -> int:
    """The journal's head; 0 when it is empty."""
    seq: int = db.execute(_SQL["last_seq"]).get
    return seq


def journal_base(db: apsw.Connection) -> int:
    """See ``Reads.journal_base``."""
    base: int = db.execute(_SQL["base"]).get
    return base


def journal_before(db: apsw.Connection, ts_ms: int) -> int:
    """See ``Reads.journal_before``."""
    base, head = journal_base(db), last_seq(db)
    first: int | None = db.execute(_SQL["first_since"], (ts_ms,)).get
    return max(base, min(head, head if first is None else first) - 1)


def prune(db: apsw.Connection, up_to: int) -> int:
    """See ``Verbs.prune_journal``."""
    base = max(journal_base(db), min(up_to, last_seq(db) - 1))
    db.execute(_SQL["set_base"], (base,))
    db.execute(_SQL["prune"], (base,))
    return base
