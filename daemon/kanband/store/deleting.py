"""``delete``: a ticket is forgotten; what the journal says of it stays.

Its comments, and its runs with their questions, go with it. Files of its runs, its
branch and its worktree are not the store's.
"""

from collections.abc import Sequence
from typing import Final

import apsw

from kanban_ipc.control import Deleted
from kanban_ipc.words import RunId
from kanband.core import journal
from kanband.store import sayings
from kanband.store.ledger import Ledger
from kanband.store.parking import IN_LINE, wake
from kanband.store.reading import ticket as read_ticket
from kanband.store.statements import load
from kanband.store.values import EditRefusal, Removed

_SQL: Final = load("editing")


def delete(
    db: apsw.Connection, ticket_ids: Sequence[int], *, now_ms: int
) -> list[Removed | EditRefusal]:
    """See ``Verbs.delete``."""
    return [_delete_one(db, number, now_ms) for number in ticket_ids]


def _delete_one(
    db: apsw.Connection, ticket_id: int, now_ms: int
) -> Removed | EditRefusal:
    ticket = read_ticket(db, ticket_id)
    if ticket is None:
        return sayings.not_found(ticket_id)
    if ticket.run_id is not None:
        return sayings.held_from_deleting(ticket_id, RunId(ticket.run_id))
    dependents = [number for (number,) in db.execute(_SQL["dependents"], (ticket_id,))]
    if dependents:
        return sayings.depended_on(ticket_id, dependents)
    runs = [run for (run,) in db.execute(_SQL["runs_of"], (ticket_id,))]
    db.execute(_SQL["delete"], (ticket_id,))
    ledger = Ledger(db, now_ms)
    ledger.uncount(ticket.board, ticket.state)
    ledger.note(journal.deleted(ticket))
    ledger.write()
    woke = False
    could = ticket.state == "ready" and ticket.waits_for in IN_LINE
    if could and ticket.repo_path is not None:
        woke = wake(db, {ticket.repo_path: 1})
    deleted = Deleted(
        ticket_id=ticket_id,
        title=ticket.title,
        runs=runs,
        branch=ticket.branch,
        worktree=ticket.worktree,
    )
    return Removed(deleted=deleted, woke=woke)
