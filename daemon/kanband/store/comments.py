"""Comments: what people, agents and the system have to say about a ticket."""

from collections.abc import Sequence
from typing import Final

import apsw

from kanban_ipc.control import NotFound, TicketComment
from kanban_ipc.words import Author
from kanband.core import journal
from kanband.store import sayings
from kanband.store.ledger import Ledger
from kanband.store.statements import load

_SQL: Final = load("editing")


def comment(
    db: apsw.Connection,
    ticket_ids: Sequence[int],
    body_md: str,
    *,
    author: Author,
    now_ms: int,
) -> list[TicketComment | NotFound]:
    """See ``Verbs.comment``."""
    ledger = Ledger(db, now_ms)
    answers: list[TicketComment | NotFound] = []
    for number in ticket_ids:
        db.execute(_SQL["touched"], (number, now_ms))
        if not db.changes():
            answers.append(sayings.not_found(number))
            continue
        db.execute(_SQL["comment"], (number, author, body_md, now_ms))
        made = TicketComment(
            id=db.last_insert_rowid(),
            ticket_id=number,
            author=author,
            body_md=body_md,
            created_at_ms=now_ms,
        )
        ledger.note(journal.commented(number, made.id, author))
        answers.append(made)
    ledger.write()
    return answers


def comments(
    db: apsw.Connection, ticket_id: int, *, limit: int
) -> tuple[list[TicketComment], int]:
    """See ``Reads.comments``."""
    found = [
        TicketComment(
            id=row[0],
            ticket_id=row[1],
            author=row[2],
            body_md=row[3],
            created_at_ms=row[4],
        )
        for row in db.execute(_SQL["comments"], (ticket_id, limit))
    ]
    return found, db.execute(_SQL["comments_count"], (ticket_id,)).get
