"""A store at work, with its own threads, and what it promised on the way.

Each call leaves the digest of what the store will hold once it is committed, taken
inside its transaction; each answer, the note that this was promised.
"""

import asyncio
import hashlib
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import apsw

from crash.recording import Acknowledged, Meant, Recording
from crash.workload import Workload
from kanban_ipc.control import ListCall, RunsCall
from kanband.core.history import Violation, check
from kanband.store import checkpointing
from kanband.store.calls import Answer
from kanband.store.sqlite import SqliteReads
from kanband.store.verbs import Verbs
from kanband.store.writer import StoreThread

T = TypeVar("T")
ALL = 1_000_000
CHECKPOINT_PAGES = 60
"""Instead of a thousand: many checkpoints in a short life."""


def digest(db: apsw.Connection) -> str:
    """Of everything that the store holds."""
    whole = hashlib.blake2b(digest_size=12)
    tables = db.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table'"
        " AND name NOT LIKE 'sqlite_stat%' ORDER BY name"
    )
    for (table,) in tables.fetchall():
        whole.update(f"\n{table}:".encode())
        for row in db.execute(f'SELECT * FROM "{table}"'):
            whole.update(repr(row).encode())
    return whole.hexdigest()


def unlawful(db: apsw.Connection) -> list[Violation]:
    """What the history checker says of a store."""
    reads = SqliteReads(db)
    page, _total = reads.tickets(ListCall(limit=ALL, cancelled=True))
    events, base = reads.events(since=0, limit=ALL), reads.journal_base()
    return check(page, reads.runs(RunsCall(limit=ALL)), events, base=base)


def live(
    path: Path,
    workload: Workload,
    recording: Recording,
    *,
    calls: int,
    rng: random.Random,
    synchronous: str = "FULL",
) -> None:
    """Open the store, carry out so many calls, alone and in company, and close it."""

    async def main() -> None:
        store = StoreThread(path)
        db = store._writer._db
        for each in (db, store._writer._checkpointer._db):
            each.pragma("synchronous", synchronous)
        recording.note(Meant(digest(db)))
        recording.note(Acknowledged())
        with _telling(store, recording):
            left = calls
            while left > 0:
                company = min(left, rng.choice((1, 1, 1, 2, 5)))
                left -= company
                await asyncio.gather(
                    *(
                        store.do(meaning(db, workload.call(), recording))
                        for _ in range(company)
                    )
                )
        await store.close()

    with (
        mock.patch.object(checkpointing, "STEP_PAGES", CHECKPOINT_PAGES),
        mock.patch.object(checkpointing, "BOUND_PAGES", 3 * CHECKPOINT_PAGES),
    ):
        asyncio.run(main())


def meaning(
    db: apsw.Connection, call: Callable[[Verbs], T], recording: Recording
) -> Callable[[Verbs], T]:
    """The call, which then says what it has made of the store."""

    def done(verbs: Verbs) -> T:
        result = call(verbs)
        recording.note(Meant(digest(db)))
        return result

    return done


def _telling(store: StoreThread, recording: Recording) -> Any:
    """The store's answers are noted at the moment in which they leave its thread."""
    answer = store._writes.answer

    def answered(answers: Sequence[Answer], hint: Any = None) -> None:
        if all(each.error is None for each in answers):
            recording.note(Acknowledged())
        answer(answers, hint)

    return mock.patch.object(store._writes, "answer", answered)
