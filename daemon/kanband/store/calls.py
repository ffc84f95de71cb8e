"""Between the event loop and a store's thread: calls go in, answers come out.

``submit`` and ``end`` belong to the loop's thread; ``take`` and ``answer`` to the
other one. What is between them is bounded, and full is an answer.
"""

import asyncio
import queue
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import apsw

from kanband.store.errors import StoreBusy, StoreClosed, StoreFailed

T = TypeVar("T")

WAITING_MAX: Final = 4_096
"""Calls that wait for one thread: some 100 groups, well below a second's work."""

_FAILURES: Final = (
    apsw.FullError,
    apsw.IOError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.BusyError,
    apsw.LockedError,
    apsw.ReadOnlyError,
    apsw.CantOpenError,
    apsw.NoMemError,
    apsw.InterruptError,
)


class Job(NamedTuple):
    """A call with verbs or reads as its argument, and whom to tell."""

    call: Callable[[Any], Any]
    future: "asyncio.Future[Any]"


class Answer(NamedTuple):
    future: "asyncio.Future[Any]"
    value: Any
    error: Exception | None


class Calls:
    """A bounded queue of calls towards one thread, and the way back."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._waiting = 0
        self._last_taken = False
        self.ended = False

    def submit(self, call: Callable[[Any], T]) -> "asyncio.Future[T]":
        future: asyncio.Future[T] = self._loop.create_future()
        if self.ended:
            future.set_exception(closed())
        elif self._waiting >= WAITING_MAX:
            future.set_exception(
                StoreBusy(
                    f"{self._waiting} calls wait for the store already; try again "
                    "in a moment."
                )
            )
        else:
            self._waiting += 1
            self._queue.put(Job(call, future))
        return future

    def problems(self) -> list[str]:
        """From the loop's thread: whether calls wait that nobody will wait for."""
        if self._waiting < WAITING_MAX:
            return []
        text = (
            f"{self._waiting} calls wait for the store, and more are refused until it "
            "has caught up: its disk is slow, or a client asks for very much at once"
        )
        return [text]

    def refuse(self) -> None:
        """Take nothing more."""
        self.ended = True

    def end(self) -> None:
        """Take nothing more; the thread sees the end after what is queued. Once."""
        self.refuse()
        self._queue.put(None)

    def take(self, most: int) -> list[Job] | None:
        """Wait for a call and take what has come with it; None: it was the last."""
        if self._last_taken:
            return None
        jobs: list[Job] = []
        job = self._queue.get()
        while job is not None:
            jobs.append(job)
            if len(jobs) == most or self._queue.empty():
                return jobs
            job = self._queue.get()
        self._last_taken = True
        return jobs

    def answer(
        self,
        answers: Sequence[Answer],
        hint: Callable[[], None] | None = None,
    ) -> None:
        """Resolve the futures in one step of the loop; ``hint`` is called after."""
        self.tell(lambda: self._deliver(answers, hint))

    def tell(self, callback: Callable[[], None]) -> None:
        """Call back in the loop's thread, unless the loop is gone."""
        try:
            self._loop.call_soon_threadsafe(callback)
        except RuntimeError:
            # Nobody is left to be told: the loop was closed without close().
            assert self._loop.is_closed()

    def _deliver(
        self, answers: Sequence[Answer], hint: Callable[[], None] | None
    ) -> None:
        self._waiting -= len(answers)
        for future, value, error in answers:
            if future.cancelled():
                continue
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)
        if hint is not None:
            hint()


def closed() -> StoreClosed:
    """What a call to a closed store gets."""
    return StoreClosed("The store is closed; the call was not carried out.")


def is_failure(error: BaseException) -> bool:
    """The disk or the database refused, as opposed to a bug in the call."""
    return isinstance(error, _FAILURES)


def as_failure(error: Exception) -> StoreFailed:
    """What to tell people of a refusal by the disk or the database."""
    if isinstance(error, apsw.FullError):
        return StoreFailed(
            f"The disk with the store is full ({error}). Nothing was changed; free "
            "some space and try again."
        )
    if isinstance(error, (apsw.BusyError, apsw.LockedError)):
        return StoreFailed(
            f"Another process holds the store ({error}). Nothing was changed; close "
            "what has it open and try again."
        )
    if isinstance(error, apsw.ReadOnlyError):
        return StoreFailed(
            f"The store may not be written ({error}). Nothing was changed; mount its "
            "disk for writing again (dmesg says why it is not), or give the file back "
            "to the daemon's user."
        )
    return StoreFailed(
        f"The store failed ({type(error).__name__}: {error}). Nothing was "
        "acknowledged; see the daemon's log."
    )
