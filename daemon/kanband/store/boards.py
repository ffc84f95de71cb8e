"""Boards: made, ordered, limited, renamed, forgotten.

A board has a place among the others, from 1 without gaps, and may limit how many of
its tickets are in progress. What the limit does is the claim's business.
"""

from typing import Final

import apsw

from kanban_ipc.control import NotFound, Refused
from kanband.core import journal
from kanband.store import sayings
from kanband.store.ledger import Ledger
from kanband.store.statements import load
from kanband.store.values import BoardRefusal

_SQL: Final = load("boards")


def add_board(
    db: apsw.Connection,
    name: str,
    *,
    position: int | None,
    wip_limit: int,
    now_ms: int,
) -> Refused | bool:
    """See ``Verbs.add_board``."""
    if _is_known(db, name):
        return sayings.board_exists(name)
    db.execute(_SQL["add"], (name, wip_limit or None))
    _place(db, ordered(_names(db), name, position))
    _note(db, journal.board_added(name), now_ms)
    return True


def edit_board(
    db: apsw.Connection,
    name: str,
    *,
    position: int | None,
    wip_limit: int | None,
    now_ms: int,
) -> NotFound | bool:
    """See ``Verbs.edit_board``."""
    if not _is_known(db, name):
        return sayings.no_board(name)
    changed = False
    if position is not None:
        changed = _place(db, ordered(_names(db), name, position))
    if wip_limit is not None:
        db.execute(_SQL["limit"], (name, wip_limit or None))
        changed |= db.changes() > 0
    if changed:
        _note(db, journal.board_changed(name, position, wip_limit), now_ms)
    return changed


def rename_board(
    db: apsw.Connection, name: str, to: str, *, now_ms: int
) -> BoardRefusal | bool:
    """See ``Verbs.rename_board``."""
    if not _is_known(db, name):
        return sayings.no_board(name)
    if name == to:
        return False
    if _is_known(db, to):
        return sayings.board_exists(to)
    db.execute(_SQL["copy"], (name, to))
    db.execute(_SQL["tickets"], (name, to))
    db.execute(_SQL["counts"], (name, to))
    db.execute(_SQL["drop"], (name,))
    _note(db, journal.board_renamed(name, to), now_ms)
    return True


def delete_board(db: apsw.Connection, name: str, *, now_ms: int) -> BoardRefusal | bool:
    """See ``Verbs.delete_board``."""
    if not _is_known(db, name):
        return sayings.no_board(name)
    if tickets := db.execute(_SQL["in_use"], (name,)).get:
        return sayings.board_in_use(name, tickets)
    db.execute(_SQL["drop_counts"], (name,))
    db.execute(_SQL["drop"], (name,))
    _place(db, _names(db))
    _note(db, journal.board_deleted(name), now_ms)
    return True


def ordered(names: list[str], name: str, position: int | None) -> list[str]:
    """The names with one of them at a place, from 1; None, or too high: the last."""
    others = [each for each in names if each != name]
    place = len(others) if position is None else position - 1
    return [*others[:place], name, *others[place:]]


def _is_known(db: apsw.Connection, name: str) -> bool:
    # The row is a tuple also where the limit in it is NULL.
    return bool(db.execute(_SQL["known"], (name,)).fetchall())


def _names(db: apsw.Connection) -> list[str]:
    return [name for (name,) in db.execute(_SQL["names"])]


def _place(db: apsw.Connection, names: list[str]) -> bool:
    changed = False
    for position, name in enumerate(names, start=1):
        db.execute(_SQL["place"], (name, position))
        changed |= db.changes() > 0
    return changed


def _note(db: apsw.Connection, entry: journal.Entry, now_ms: int) -> None:
    ledger = Ledger(db, now_ms)
    ledger.note(entry)
    ledger.write()
