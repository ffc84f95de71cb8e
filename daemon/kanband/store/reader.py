"""The thread that answers questions, on a read-only connection of its own.

A list of ten thousand tickets delays no write. Each call sees one snapshot, with
everything that was committed before it. Closing ends the call that is running; it and
those that wait fail with ``StoreClosed``. The running call looks by itself whether it
shall end: an interrupt from outside is lost on a statement that is just about to start.
"""

import threading
from collections.abc import Callable
from typing import Final, TypeVar

import apsw

from kanband.store.calls import Answer, Calls, Job, as_failure, closed, is_failure
from kanband.store.health import Health
from kanband.store.questions import Reads
from kanband.store.sqlite import SqliteReads

T = TypeVar("T")

STEPS: Final = 20_000
"""Of SQLite's machine between two looks: under a millisecond."""


class Reader:
    """Owns the connection from now on."""

    def __init__(self, db: apsw.Connection, calls: Calls, health: Health) -> None:
        self._db = db
        self._calls = calls
        self._health = health
        self._reads: Reads = SqliteReads(db)
        db.set_progress_handler(lambda: calls.ended, STEPS)
        self.thread = threading.Thread(
            target=self._run, name="store-reads", daemon=True
        )
        self.thread.start()

    def end(self) -> None:
        """From the loop's thread, once."""
        self._calls.end()

    def _run(self) -> None:
        while (jobs := self._calls.take(1)) is not None:
            self._calls.answer([self._answer(job) for job in jobs])
        self._db.close()

    def _answer(self, job: Job) -> Answer:
        if self._calls.ended:
            return Answer(job.future, None, closed())
        try:
            value = self._ask(job.call)
        except Exception as error:  # noqa: BLE001 - it is the asker's
            return Answer(job.future, None, self._why(error))
        self._health.answered()
        return Answer(job.future, value, None)

    def _ask(self, call: Callable[[Reads], T]) -> T:
        self._db.execute("BEGIN")
        try:
            return call(self._reads)
        finally:
            self._db.execute("ROLLBACK")

    def _why(self, error: Exception) -> Exception:
        if isinstance(error, apsw.InterruptError) and self._calls.ended:
            return closed()
        if not is_failure(error):
            return error
        failure = as_failure(error)
        self._health.unreadable(str(failure))
        return failure
