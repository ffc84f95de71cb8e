"""Worker rows and their journal notes on the way into the store.

Decided here: that marks which come together share a commit, that a mark is fulfilled
only when it is durable, and that a refused commit (full disk) is tried again, with what
the rows have become by then. Absent: what is in a row.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from kanband.shell.ports import Clock, Store
from kanband.store.errors import StoreBusy, StoreError, StoreFailed
from kanband.store.values import Note, WorkerRow
from kanband.store.verbs import Verbs

_LOG: Final = logging.getLogger(__name__)
_RETRY_S: Final = 0.5
_NOTES_MAX: Final = 1_000
"""Held while the disk refuses; beyond it the oldest are lost (the rows are not)."""


class HasRow(Protocol):
    """Whose row it is; asked at the moment of the commit."""

    @property
    def row(self) -> WorkerRow: ...


class Ledger:
    """Writes rows behind; one commit under way at a time."""

    def __init__(
        self, store: Store, clock: Clock, broken: Callable[[BaseException], None]
    ) -> None:
        """Empty. ``broken`` is told of an error that is no refusal."""
        self._broken = broken
        self._store = store
        self._clock = clock
        self._dirty: dict[str, HasRow] = {}
        self._notes: deque[Note] = deque(maxlen=_NOTES_MAX)
        self._waiters: list[asyncio.Future[None]] = []
        self._under_way = False
        self._closing = False
        self._retry: asyncio.TimerHandle | None = None
        self.problem = ""
        """Why rows cannot be written now; empty when they can."""

    def mark(self, owner: HasRow, *notes: Note) -> asyncio.Future[None]:
        """Write the owner's row; done when it is durable. Never fails: it waits."""
        self._dirty[owner.row.worker_id] = owner
        self._notes.extend(notes)
        return self._wait()

    def _wait(self) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        self._waiters.append(waiter)
        # Not at once: what else happens in this turn of the loop goes along.
        loop.call_soon(self._pump)
        return waiter

    def forget(self, worker_id: str) -> None:
        """The row is about to be dropped: write it no more."""
        self._dirty.pop(worker_id, None)

    async def flush(self) -> None:
        """Return when everything that was marked until now is durable."""
        await self._wait()

    async def close(self) -> None:
        """Write what is marked, once; what the store refuses now is not tried again."""
        self._closing = True
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        await asyncio.wait([self._wait()])

    def _pump(self) -> None:
        if self._under_way or self._retry is not None or not self._waiters:
            return
        owners = list(self._dirty.values())
        rows = [owner.row for owner in owners]
        notes = list(self._notes)
        waiters, self._waiters = self._waiters, []
        self._dirty.clear()
        self._notes.clear()
        self._under_way = True
        now_ms = self._clock.now_ms()

        def put(verbs: Verbs) -> None:
            verbs.put_workers(rows, notes, now_ms=now_ms)

        committed = self._store.do(put)
        committed.add_done_callback(
            lambda done: self._committed(done, owners, notes, waiters)
        )

    def _committed(
        self,
        done: asyncio.Future[None],
        owners: Sequence[HasRow],
        notes: Sequence[Note],
        waiters: list[asyncio.Future[None]],
    ) -> None:
        self._under_way = False
        error = done.exception()
        if isinstance(error, StoreFailed | StoreBusy) and not self._closing:
            self._again_later(error, owners, notes, waiters)
            return
        if error is not None:
            for waiter in waiters:
                waiter.cancel()
            if isinstance(error, StoreError):
                _LOG.error("the last rows of workers were not written: %s", error)
            else:
                self._broken(error)
            # Who came meanwhile, such as a close, shall not wait for nothing.
            self._pump()
            return
        self.problem = ""
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._pump()

    def _again_later(
        self,
        error: Exception,
        owners: Sequence[HasRow],
        notes: Sequence[Note],
        waiters: list[asyncio.Future[None]],
    ) -> None:
        _LOG.error("worker rows could not be written: %s", error)
        self.problem = (
            "what became of workers is not kept yet, and no worker is started before "
            f"it is; it is tried again twice a second: {error}"
        )
        for owner in owners:
            self._dirty.setdefault(owner.row.worker_id, owner)
        self._notes = deque([*notes, *self._notes], maxlen=_NOTES_MAX)
        self._waiters = waiters + self._waiters
        loop = asyncio.get_running_loop()
        self._retry = loop.call_later(_RETRY_S, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        self._pump()
