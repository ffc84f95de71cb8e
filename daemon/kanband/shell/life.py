"""The daemon's own course: starting, running, draining, stopping.

Whoever wants it to leave says so here (a signal, ``kanbanctl shutdown``, a store that
failed); ``daemon`` waits here and does it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

from kanband.shell.ports import Clock

State = Literal["starting", "running", "draining", "stopping"]
Way = Literal["stop", "hand_over", "replace", "fatal"]


class Course:
    """Implements ``ports.Life``."""

    def __init__(self, clock: Clock, drain: Callable[[], Awaitable[None]]) -> None:
        """``drain``: assign nothing more, and return once no run is live."""
        self.state: State = "starting"
        self.started_ms = clock.now_ms()
        self.failure: BaseException | None = None
        self._clock = clock
        self._born = clock.monotonic()
        self._drain = drain
        self._way: Way | None = None
        self._leaving = asyncio.Event()
        self.stop_wanted = False
        """Somebody asked for a stop, whatever the way was by then."""
        self.hurry = asyncio.Event()
        self.failed = asyncio.Event()

    @property
    def uptime_s(self) -> float:
        """Seconds since the start."""
        return self._clock.monotonic() - self._born

    def ready(self) -> None:
        """Recovery is done."""
        if self.state == "starting":
            self.state = "running"

    async def drain(self) -> None:
        """Assign nothing more; returns when no run is live."""
        if self.state == "running":
            self.state = "draining"
        await self._drain()

    def shutdown(self, *, now: bool, keep_workers: bool) -> None:
        """Begin to leave; asked a second time, or with ``now``, hurry."""
        self.stop_wanted |= not keep_workers
        if now or self._way == "stop":
            self.hurry.set()
        if self._way is None:
            self._leave("hand_over" if keep_workers else "stop")

    def replace(self) -> bool:
        """Begin to hand over to the version that will be executed in this process;
        False: it leaves already."""
        if self._way is not None:
            return False
        self._leave("replace")
        return True

    def fail(self, error: BaseException) -> None:
        """Leave at once: what we would go on to do could be wrong."""
        if self._way != "fatal":
            self.failure = error
            self.failed.set()
            self.hurry.set()
            self._leave("fatal")

    def _leave(self, way: Way) -> None:
        self._way = way
        self.state = "stopping"
        self._leaving.set()

    async def left(self) -> Way:
        """Return, once somebody wants it, the way in which to leave."""
        await self._leaving.wait()
        assert self._way is not None
        return self._way
