"""When the next ticket's time comes: one timer for the whole queue.

Wall time decides schedules and due times, and wall time may be set. That is noticed at
the next beat, for then it is another time ahead of monotonic time than when the alarm
was set; and no sleep is longer than a minute, and each ends by asking the store.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from kanband.shell.ports import Clock, Store
from kanband.store.errors import StoreError

_LOG: Final = logging.getLogger(__name__)
_SLEEP_MAX_S: Final = 60.0
_STORE_RETRY_S: Final = 0.5
_JUMP_S: Final = 1.0
"""Of the wall clock against the monotonic one; less is a clock that is being slewed."""


class DueTimer:
    """Promotes what has fallen due, and tells who hands out work."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        wake: Callable[[], None],
        broken: Callable[[BaseException], None],
    ) -> None:
        """``wake`` is called when something became claimable, ``broken`` with an error
        that is no refusal of the store: a bug.
        """
        self._broken = broken
        self._store = store
        self._clock = clock
        self._wake = wake
        self._timer: asyncio.TimerHandle | None = None
        self._due_ms: int | None = None
        self._ahead_s = 0.0
        """Of monotonic time, when the alarm was set."""

    def at(self, due_ms: int | None) -> None:
        """Something becomes claimable at this wall time; None: nothing does."""
        if due_ms is None or (self._due_ms is not None and self._due_ms <= due_ms):
            return
        self.close()
        self._due_ms = due_ms
        self._ahead_s = self._ahead()
        delay_s = max(0.0, (due_ms - self._clock.now_ms()) / 1000)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(min(delay_s, _SLEEP_MAX_S), self._fall_due)

    def look_at_the_clock(self) -> None:
        """If somebody has set it since the alarm was set, ask at once what is due."""
        if self._timer is not None and abs(self._ahead() - self._ahead_s) > _JUMP_S:
            self._timer.cancel()
            self._fall_due()

    def close(self) -> None:
        """Set no more alarms."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._due_ms = None

    async def promote(self) -> None:
        """Wake what is due now and set the next alarm."""
        now_ms = self._clock.now_ms()
        woken, next_due_ms = await self._store.do(
            lambda verbs: verbs.promote(now_ms=now_ms),
        )
        self.at(next_due_ms)
        if woken:
            self._wake()

    def _ahead(self) -> float:
        return self._clock.now_ms() / 1000 - self._clock.monotonic()

    def _fall_due(self) -> None:
        self._timer = self._due_ms = None
        task = asyncio.ensure_future(self.promote())
        task.add_done_callback(self._promoted)

    def _promoted(self, task: asyncio.Future[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, StoreError):
            _LOG.warning("what falls due is looked for again: %s", error)
            self.at(self._clock.now_ms() + int(_STORE_RETRY_S * 1000))
        elif error is not None:
            self._broken(error)
