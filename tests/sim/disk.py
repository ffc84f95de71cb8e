"""The disk under the store, and the store as a daemon has it on that disk.

The database is SQLite's own, in memory: what was committed outlives every daemon of
the simulation, what was not is lost. Groups are made and committed by the production
code (``store.writer``) without its thread; here is decided only how long a commit
takes and what happens to it: the disk is full, fails, or the daemon dies before the
commit or between it and its answers.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, TypeVar

import apsw

from kanband.store.calls import Answer, Calls, Job
from kanband.store.errors import StoreFailed
from kanband.store.events import last_seq
from kanband.store.health import Health
from kanband.store.questions import Reads
from kanband.store.sqlite import SqliteReads, SqliteVerbs
from kanband.store.statements import migrations
from kanband.store.verbs import Verbs
from kanband.store.writer import GROUP_MAX, _Told, _Writer
from sim.loop import Process

T = TypeVar("T")
Fate = Literal["well", "full", "dies before", "dies after", "fails", "fails after"]
"""Of a commit. ``fails after``: it reports an error, and yet it is on the disk."""
READ_S: Final = 0.0002


class Disk:
    """One database. Whoever has died, it is still there."""

    def __init__(self) -> None:
        self.db = apsw.Connection(":memory:", statementcachesize=512)
        self.db.pragma("foreign_keys", True)
        self.db.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        for script in migrations():
            self.db.execute(script)
        self.db.pragma("user_version", len(migrations()))
        self.reads: Reads = SqliteReads(self.db)
        self.full = False

    def fill(self) -> None:
        """No page can be had any more: SQLITE_FULL, as it comes from a real disk."""
        self.full = True
        self.db.pragma("max_page_count", self.db.pragma("page_count"))

    def free(self) -> None:
        self.full = False
        self.db.pragma("max_page_count", 1 << 30)


class _NoCheckpoints:
    def after_commit(self) -> None:
        """A database in memory has no log."""


class _InlineWriter(_Writer):
    """The production writer of groups, called instead of running in a thread."""

    def __init__(
        self,
        db: apsw.Connection,
        calls: Any,
        on_journal: Callable[[int], None],
        on_fatal: Callable[[Exception], None],
    ) -> None:
        self._db = db
        self._calls: Calls = calls
        self._told = _Told(on_journal, on_fatal)
        self._health = Health(lambda: None, clock=lambda: 0.0)
        self._verbs: Verbs = SqliteVerbs(db)
        self._head = last_seq(db)
        self._fatal: StoreFailed | None = None
        self._checkpointer: Any = _NoCheckpoints()

    def write(self, jobs: list[Job]) -> None:
        if self._fatal is not None:
            self._fail(jobs, self._fatal)
        else:
            self._group(jobs)

    def doubt(self, error: Exception) -> None:
        """As after an I/O error: what is on disk is not known any more."""
        self._fatal = StoreFailed(str(error))


class SimStore:
    """Implements ``ports.Store`` for one daemon, with a thread of its own."""

    def __init__(
        self,
        disk: Disk,
        loop_side: Process,
        thread: Process,
        *,
        fate: Callable[[], tuple[Fate, float]],
        committed: Callable[[], None],
        on_journal: Callable[[int], None],
        on_fatal: Callable[[Exception], None],
    ) -> None:
        """``fate``: what becomes of the next commit, and the seconds it takes;
        ``committed`` is called at once after it, before anybody hears of it.
        """
        self._disk = disk
        self._daemon = loop_side
        self._thread = thread
        self._fate = fate
        self._committed = committed
        self._waiting: list[Job] = []
        self._at_work = False
        self._withheld: list[Callable[[], None]] | None = None
        self._writer = _InlineWriter(disk.db, self, on_journal, on_fatal)

    # ------------------------------------------------------------- ports.Store

    def do(self, call: Callable[[Verbs], T]) -> "asyncio.Future[T]":
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(Job(call, future))
        if not self._at_work:
            self._at_work = True
            self._thread.call(self._take)
        return future

    def read(self, call: Callable[[Reads], T]) -> "asyncio.Future[T]":
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._thread.later(READ_S, self._answer_read, call, future)
        return future

    # ---------------------------------------------- what the writer wants of Calls

    def answer(
        self, answers: Sequence[Answer], hint: Callable[[], None] | None = None
    ) -> None:
        self.tell(lambda: _deliver(answers, hint))

    def tell(self, callback: Callable[[], None]) -> None:
        if self._withheld is None:
            self._daemon.call(callback)
        else:
            self._withheld.append(callback)

    # ---------------------------------------------------------------- the thread

    def _take(self) -> None:
        jobs, self._waiting = self._waiting[:GROUP_MAX], self._waiting[GROUP_MAX:]
        fate, seconds = self._fate()
        self._thread.later(seconds, self._commit, jobs, fate)

    def _commit(self, jobs: list[Job], fate: Fate) -> None:
        if fate == "dies before":
            self._die()
            return
        if fate == "full":
            self._disk.fill()
        elif fate == "fails":
            self._disk.db.set_commit_hook(_fail_to_sync)
        self._withheld = []
        self._writer.write(jobs)
        self._disk.db.set_commit_hook(None)
        told, self._withheld = self._withheld, None
        self._committed()
        if fate == "dies after":
            self._die()
            return
        if fate == "fails after":
            error = apsw.IOError("it was written, but fsync said otherwise")
            self._writer.doubt(error)
            self._writer._fail(jobs, StoreFailed(str(error)))
            assert self._writer._told.on_fatal is not None
            self._daemon.call(self._writer._told.on_fatal, error)
            return
        for each in told:
            self.tell(each)
        if self._waiting:
            self._thread.call(self._take)
        else:
            self._at_work = False

    def _die(self) -> None:
        self._daemon.kill()
        self._thread.kill()

    def _answer_read(
        self, call: Callable[[Reads], T], future: "asyncio.Future[T]"
    ) -> None:
        try:
            answer = Answer(future, call(self._disk.reads), None)
        except Exception as error:  # noqa: BLE001 - it is the asker's
            answer = Answer(future, None, error)
        self._daemon.call(_deliver, [answer], None)


def _fail_to_sync() -> bool:
    raise apsw.IOError("disk I/O error")


def _deliver(answers: Sequence[Answer], hint: Callable[[], None] | None) -> None:
    for future, value, error in answers:
        if future.cancelled():
            continue
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)
            future.exception()  # an asker that has died meanwhile is no bug
    if hint is not None:
        hint()
