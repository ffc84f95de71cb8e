"""The store: whether SQLite finds it whole, and the journal tells what the rows say.

``core.history`` is the one judge of the second; here the whole store is read in one
snapshot and held before it.
"""

from collections.abc import Iterator
from typing import Final

import apsw

from kanban_ipc.control import Finding, ListCall, RunsCall
from kanban_ipc.words import RunId
from kanband.core.history import Violation, check
from kanband.shell.doctor.ground import Ground, ok, wrong
from kanband.store.errors import StoreError
from kanband.store.opening import open_reader
from kanband.store.sqlite import SqliteReads

STORE: Final = "store"
JOURNAL: Final = "journal"
_SHOWN_MAX: Final = 20
_ALL: Final = (1 << 63) - 1
_MEND: Final = (
    "kanbanctl shutdown --keep-workers, then put a backup in its place: see "
    "'Backup and restore' in the README"
)


def check_store(ground: Ground) -> Iterator[Finding]:
    """Also fills in what the store knows of runs and worktrees."""
    path = ground.config.db_file
    if not path.exists():
        text = f"there is no store at {path}: the daemon makes it at its first start"
        yield ok(STORE, text)
        ground.was_read = True
        return
    try:
        db = open_reader(path)
        try:
            yield from _integrity(db, str(path))
            db.execute("BEGIN")
            yield from _history(SqliteReads(db), ground)
        finally:
            db.close()
    except (StoreError, apsw.Error) as error:
        yield wrong(STORE, f"the store {path} cannot be read: {error}", _MEND)


def _integrity(db: apsw.Connection, path: str) -> Iterator[Finding]:
    faults = [str(text) for (text,) in db.execute("PRAGMA integrity_check(20)")]
    if faults != ["ok"]:
        text = f"{path} is damaged: {'; '.join(faults[:3])}"
        yield wrong(STORE, text, _MEND)
    references = len(list(db.execute("PRAGMA foreign_key_check")))
    if references:
        text = f"{references} rows of {path} name others that are not there"
        yield wrong(STORE, text, _MEND)
    if faults == ["ok"] and not references:
        yield ok(STORE, f"{path} is whole")


def _history(reads: SqliteReads, ground: Ground) -> Iterator[Finding]:
    tickets, _ = reads.tickets(ListCall(cancelled=True, limit=_ALL))
    runs = reads.runs(RunsCall(limit=_ALL))
    base = reads.journal_base()
    events = reads.events(since=base, limit=_ALL)
    ground.ended = {RunId(run.id): run.ended_at_ms is not None for run in runs}
    ground.worktrees = frozenset(t.worktree for t in tickets if t.worktree)
    ground.repositories = frozenset(
        t.repo_path for t in tickets if t.repo_path and t.column != "Done"
    )
    ground.was_read = True
    found = check(tickets, runs, events, base=base)
    for violation in found[:_SHOWN_MAX]:
        yield wrong(JOURNAL, _told(violation), _next_step(violation))
    if len(found) > _SHOWN_MAX:
        text = f"{len(found) - _SHOWN_MAX} more of the kind"
        yield wrong(JOURNAL, text, "mend those before, then look again")
    if not found:
        text = f"{len(events)} entries fold to the {len(tickets)} tickets as they are"
        yield ok(JOURNAL, text)


def _told(violation: Violation) -> str:
    where = "" if violation.ticket_id is None else f"ticket {violation.ticket_id}: "
    at = "" if violation.seq is None else f" (entry {violation.seq})"
    return f"{where}{violation.text}{at}; breaks invariant {violation.invariant}"


def _next_step(violation: Violation) -> str:
    if violation.ticket_id is None:
        return "keep a copy of the store and report this: kanbanctl backup FILE"
    return (
        f"look at kanbanctl events --ticket {violation.ticket_id}, keep a copy of the "
        "store (kanbanctl backup FILE) and report this"
    )
