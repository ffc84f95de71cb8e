"""A run's course: its start, its log, its change of hands."""

from collections.abc import Mapping, Sequence
from typing import Final

import apsw

from kanban_ipc.words import RunId, WorkerId
from kanband.core import journal
from kanband.store.ledger import Ledger
from kanband.store.rows import Row
from kanband.store.statements import load
from kanband.store.values import RunLog, RunStart

_SQL: Final = load("running")
START_REASON: Final = "The agent runs."


def start(
    db: apsw.Connection, starts: Sequence[RunStart], *, now_ms: int
) -> list[bool]:
    """See ``Verbs.start``."""
    ledger = Ledger(db, now_ms)
    fresh: dict[RunId, tuple[int, RunStart]] = {}
    found = {
        row[0]: row[1:]
        for row in db.executemany(_SQL["starting"], [(one.run_id,) for one in starts])
    }
    answers = [_start_one(ledger, fresh, one, found.get(one.run_id)) for one in starts]
    db.executemany(
        _SQL["start_ticket"],
        [
            (ticket_id, now_ms, one.started_ms, one.branch, one.worktree)
            for ticket_id, one in fresh.values()
        ],
    )
    db.executemany(
        _SQL["start_run"],
        [
            (
                one.run_id,
                one.started_ms,
                one.seq,
                one.branch,
                one.worktree,
                one.head_before,
            )
            for _ticket_id, one in fresh.values()
        ],
    )
    ledger.write()
    return answers


def _start_one(
    ledger: Ledger,
    fresh: dict[RunId, tuple[int, RunStart]],
    one: RunStart,
    row: Row | None,
) -> bool:
    """Whether the run holds its ticket; the first report of its start is noted."""
    if row is None:
        return False
    ticket_id, epoch, worker_id, agent, board, state, holds = row
    if not holds or epoch != one.epoch:
        return False
    if state == "assigned" and one.run_id not in fresh:
        fresh[one.run_id] = (ticket_id, one)
        lease = journal.Lease(ticket_id, one.run_id, epoch, worker_id, agent)
        ledger.count(board, "assigned", "working")
        ledger.note(journal.run_started(lease))
        ledger.note(
            journal.moved(
                "worker",
                ticket_id,
                "assigned",
                "working",
                START_REASON,
                run_id=one.run_id,
            )
        )
    return True


def _holds(db: apsw.Connection, one: RunLog) -> bool:
    return db.execute(_SQL["holds"], (one.run_id, one.epoch)).get is not None


def log(db: apsw.Connection, lines: Sequence[RunLog]) -> list[bool]:
    """See ``Verbs.log``."""
    answers = [_holds(db, line) for line in lines]
    kept = [line for line, held in zip(lines, answers, strict=True) if held]
    db.executemany(
        _SQL["log"],
        [(one.run_id, one.seq, one.ts_ms, one.level, one.message) for one in kept],
    )
    db.executemany(_SQL["seen"], [(one.run_id, one.seq) for one in kept])
    return answers


def transfer(
    db: apsw.Connection, runs: Mapping[RunId, WorkerId], *, now_ms: int
) -> list[RunId]:
    """See ``Verbs.transfer``."""
    ledger = Ledger(db, now_ms)
    moved: list[RunId] = []
    for run_id, worker_id in runs.items():
        row = db.execute(_SQL["live"], (run_id,)).get
        if row is None or row[3] == worker_id:
            continue
        db.execute(_SQL["transfer_ticket"], (run_id, worker_id, now_ms))
        db.execute(_SQL["transfer_run"], (worker_id, run_id))
        ledger.note(journal.run_transferred(journal.Lease(*row), worker_id))
        moved.append(run_id)
    ledger.write()
    return moved
