"""The store's threads: one writer with group commit, one reader beside it.

Theory. Calls queue up while a group is being committed; then up to ``GROUP_MAX`` of
them run inside one transaction, each in a savepoint of its own, and one COMMIT with
``synchronous=FULL`` makes them durable together. Only then are their futures resolved,
all in one step of the event loop. No timer waits for company: a lone call commits
alone, and under load groups form by themselves.

* A call that raises is rolled back to its savepoint; its neighbours are not harmed.
* A COMMIT that fails fails its whole group, for none of it is durable.
* A full disk fails the group and the store goes on; an I/O error or corruption is
  fatal: what is on disk is not known any more, so nothing further is accepted.

A refusal is a word in ``health``; until none is left the store is tried every second,
by a write of one page (``_Writer.touch``), so that trouble ends of itself.

``StoreThread``'s methods belong to the event loop's thread; the connections to theirs.
Absent: what the calls do (``sqlite``), the log's way into the file (``checkpointing``).
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import apsw

from kanband.store.calls import Answer, Calls, Job, as_failure, is_failure
from kanband.store.checkpointing import Checkpointer
from kanband.store.errors import StoreFailed
from kanband.store.events import last_seq
from kanband.store.health import TRY_S, Health
from kanband.store.opening import open_reader, open_store, schema_version
from kanband.store.questions import Reads
from kanband.store.reader import Reader
from kanband.store.sqlite import SqliteVerbs
from kanband.store.verbs import Verbs

T = TypeVar("T")

GROUP_MAX: Final = 32
"""Measured: groups of 32 give 13 times the rate of single commits, at 1 ms (p99)."""
_FATAL: Final = (apsw.IOError, apsw.CorruptError, apsw.NotADBError)


class StoreThread:
    """The open store. ``shell.ports.Store`` is what others see of it."""

    def __init__(
        self,
        path: Path,
        *,
        on_journal: Callable[[int], None] | None = None,
        on_fatal: Callable[[Exception], None] | None = None,
    ) -> None:
        """Open (or make) the store; blocks while it is checked. In a running loop.

        ``on_journal`` gets the journal's head after each commit that moved it,
        ``on_fatal`` the error after which the store serves no more; both are called
        in the loop's thread. Raises a ``StoreRefused``.
        """
        loop = asyncio.get_running_loop()
        self._writes = Calls(loop)
        self._reads = Calls(loop)
        self._trial: asyncio.TimerHandle | None = None
        self._loop = loop
        self._health = Health(lambda: self._writes.tell(self._try_later))
        db = open_store(path)
        self._writer = _Writer(
            path, db, self._writes, self._health, told=_Told(on_journal, on_fatal)
        )
        self._reader = Reader(open_reader(path), self._reads, self._health)

    def do(self, call: Callable[[Verbs], T]) -> "asyncio.Future[T]":
        """Run a verb; done when it is durable. Raises ``StoreFailed``, ``StoreBusy``,
        or what the call raises. A call once accepted is carried out, whether or not
        its future is cancelled.
        """
        return self._writes.submit(call)

    def read(self, call: Callable[[Reads], T]) -> "asyncio.Future[T]":
        """Ask; sees everything that was committed before the call."""
        return self._reads.submit(call)

    def problems(self) -> list[str]:
        """What is wrong with it now; each says what it means and what to do."""
        return [*self._health.problems(), *self._writes.problems()]

    def _try_later(self) -> None:
        """It is in trouble: see whether that is over."""
        if self._trial is None and not self._writes.ended:
            self._trial = self._loop.call_later(TRY_S, self._try)

    def _try(self) -> None:
        tries = (
            self._writes.submit(self._writer.touch),
            self._reads.submit(lambda reads: reads.last_seq()),
        )
        both = asyncio.gather(*tries, return_exceptions=True)
        both.add_done_callback(self._tried)

    def _tried(self, _both: "asyncio.Future[list[int | BaseException | None]]") -> None:
        self._trial = None
        if not self._health.well:
            self._try_later()

    async def close(self) -> None:
        """Carry out the writes that were accepted, fail the reads, close the file."""
        if self._writes.ended:
            return
        self._writes.refuse()
        if self._trial is not None:
            self._trial.cancel()
        self._reader.end()
        await self._loop.run_in_executor(None, self._reader.thread.join)
        # Last, for only a connection that may write removes the log from the disk.
        self._writes.end()
        await self._loop.run_in_executor(None, self._writer.thread.join)


class _Told(NamedTuple):
    on_journal: Callable[[int], None] | None
    on_fatal: Callable[[Exception], None] | None


class _Writer:
    """Owns the read-write connection; everything but the start is in its thread."""

    def __init__(
        self,
        path: Path,
        db: apsw.Connection,
        calls: Calls,
        health: Health,
        *,
        told: _Told,
    ) -> None:
        self._db = db
        self._calls = calls
        self._health = health
        self._told = told
        self._verbs: Verbs = SqliteVerbs(db)
        self._head = last_seq(db)
        self._fatal: StoreFailed | None = None
        self._checkpointer = Checkpointer(path, db, health)
        self.thread = threading.Thread(
            target=self._run, name="store-writes", daemon=True
        )
        self.thread.start()

    def touch(self, _verbs: Verbs) -> None:
        """A call that writes a page and changes nothing, to see whether it can be."""
        self._db.pragma("user_version", schema_version(self._db))

    def _run(self) -> None:
        while (jobs := self._calls.take(GROUP_MAX)) is not None:
            if self._fatal is not None:
                self._fail(jobs, self._fatal)
            elif jobs:
                self._group(jobs)
                self._look_after_the_log()
        # What was committed is on the disk, if only in the log: a disk that fails at
        # the end takes nothing, and the next start goes on from there.
        for close in (self._checkpointer.close, self._db.close):
            with contextlib.suppress(apsw.Error):
                close()

    def _group(self, jobs: list[Job]) -> None:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            answers = [self._one(job) for job in jobs]
            head = last_seq(self._db)
            self._health.committing()
            self._db.execute("COMMIT")
            self._health.committed()
        except Exception as error:  # noqa: BLE001 - every future must be resolved
            self._undo(jobs, error)
        else:
            self._calls.answer(answers, self._hint(head))

    def _look_after_the_log(self) -> None:
        try:
            self._checkpointer.after_commit()
        except Exception as error:  # noqa: BLE001 - the thread must not end unheard
            self._give_up(error)

    def _one(self, job: Job) -> Answer:
        """One call in its savepoint. Raises when the whole transaction is gone."""
        self._db.execute("SAVEPOINT one")
        try:
            value = job.call(self._verbs)
        except Exception as error:
            if not self._db.in_transaction or isinstance(error, _FATAL):
                raise
            self._db.execute("ROLLBACK TO one")
            self._db.execute("RELEASE one")
            return Answer(job.future, None, self._why(error))
        self._db.execute("RELEASE one")
        return Answer(job.future, value, None)

    def _why(self, error: Exception) -> Exception:
        if not is_failure(error):
            return error
        failure = as_failure(error)
        self._health.refused(str(failure))
        return failure

    def _undo(self, jobs: list[Job], error: Exception) -> None:
        failure = as_failure(error)
        try:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        except apsw.Error as second:
            error = second
        if not is_failure(error) or isinstance(error, _FATAL):
            self._give_up(error)
        self._health.refused(str(failure))
        self._fail(jobs, failure)

    def _give_up(self, error: Exception) -> None:
        """Accept nothing any more: what is on disk is not known."""
        self._fatal = as_failure(error)
        if (told := self._told.on_fatal) is not None:
            self._calls.tell(lambda: told(error))

    def _fail(self, jobs: list[Job], failure: StoreFailed) -> None:
        """Each gets an exception of its own: a shared one would collect tracebacks."""
        self._calls.answer(
            [Answer(job.future, None, StoreFailed(str(failure))) for job in jobs]
        )

    def _hint(self, head: int) -> Callable[[], None] | None:
        told = self._told.on_journal
        if head == self._head or told is None:
            return None
        self._head = head
        return lambda: told(head)
