"""Questions about runs and leases."""

from typing import Final

import apsw

from kanban_ipc.control import Run, RunsCall
from kanban_ipc.words import Epoch, RunId
from kanband.store.rows import run_of, work_of
from kanband.store.statements import load
from kanband.store.values import Lease, RunLog, RunMark

_SQL: Final = load("reading")
PREFIX_CHARS_MIN: Final = 4
FOUND_MAX: Final = 10


def run(db: apsw.Connection, run_id: RunId) -> Run | None:
    """See ``Reads.run``."""
    row = db.execute(_SQL["run"], (run_id,)).get
    return None if row is None else run_of(row)


def find_runs(db: apsw.Connection, text: str) -> list[Run]:
    """A ticket's number comes before the beginning of an id; an id begins with 0."""
    if is_ticket_number(text):
        row = db.execute(_SQL["latest_run"], (int(text),)).get
        if row is not None:
            return [run_of(row)]
    if len(text) < PREFIX_CHARS_MIN:
        return []
    low = text.lower()
    rows = db.execute(_SQL["runs_by_prefix"], (low, low + "~", FOUND_MAX))
    return [run_of(row) for row in rows]


def is_ticket_number(text: str) -> bool:
    """Ids of tickets are of at most 18 digits here: more would not fit the column."""
    return (
        text.isascii()
        and text.isdecimal()
        and not text.startswith("0")
        and len(text) <= 18  # noqa: PLR2004 - said above
    )


def runs(db: apsw.Connection, query: RunsCall) -> list[Run]:
    """See ``Reads.runs``."""
    terms = ["1"]
    values: list[str | int] = []
    for column, value in (
        ("ticket_id", query.ticket_id),
        ("worker_id", query.worker_id),
        ("status", query.status),
    ):
        if value is not None:
            terms.append(f"r.{column} = ?")
            values.append(value)
    text = _SQL["runs"].replace("/*where*/", " AND ".join(terms))
    return [run_of(row) for row in db.execute(text, (*values, query.limit))]


def run_log(db: apsw.Connection, run_id: RunId, *, limit: int) -> list[RunLog]:
    """The last lines, oldest first. The epoch is the run's."""
    found = run(db, run_id)
    if found is None:
        return []
    rows = db.execute(_SQL["run_log"], (run_id, limit))
    return [
        RunLog(
            run_id=RunId(row[0]),
            epoch=Epoch(found.epoch),
            seq=row[1],
            ts_ms=row[2],
            level=row[3],
            message=row[4],
        )
        for row in rows
    ]


def leases(db: apsw.Connection) -> list[Lease]:
    """See ``Reads.leases``."""
    return [
        Lease(
            run_id=row[0],
            epoch=row[1],
            attempt=row[2],
            worker_id=row[3],
            agent=row[4],
            started=row[5] == "running",
            cancel=row[6],
            last_seq=row[7],
            work=work_of(row[8:], row[24]),
            timeout_s=row[23],
            mark=RunMark(
                run_id=row[0],
                epoch=row[1],
                percent=row[25],
                step=row[26],
                current_step=row[27],
                total_steps=row[28],
            ),
        )
        for row in db.execute(_SQL["leases"])
    ]


def repo_holders(db: apsw.Connection, repo_path: str) -> list[Run]:
    """See ``Reads.repo_holders``."""
    return [run_of(row) for row in db.execute(_SQL["repo_holders"], (repo_path,))]
