"""Time that only a test moves: the loop's timers, the monotonic and the wall clock."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
A = TypeVarTuple("A")


class HandLoop(asyncio.SelectorEventLoop):
    """A loop whose timers come due when ``now_s`` is moved, and never by waiting.

    Descriptors, threads and children are as real as ever.
    """

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.delays: list[float] = []
        """How far ahead each timer was set."""
        super().__init__()

    def time(self) -> float:
        return self.now_s

    def call_later(
        self,
        delay: float,
        callback: Callable[[*A], object],
        *args: *A,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        self.delays.append(delay)
        return super().call_later(delay, callback, *args, context=context)


class HandClock:
    """Implements ``ports.Clock`` on the running ``HandLoop``."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, HandLoop)
        self._loop = loop
        self.wall_ms = 1_700_000_000_000

    def monotonic(self) -> float:
        return self._loop.time()

    def now_ms(self) -> int:
        return self.wall_ms

    @property
    def delays(self) -> list[float]:
        """Every timer's delay, oldest first."""
        return self._loop.delays

    def pass_by(self, seconds: float) -> None:
        """Both clocks go on; timers that come due by that run in the next turn."""
        self._loop.now_s += seconds
        self.wall_ms += round(seconds * 1000)

    def set_wall(self, by_s: float) -> None:
        """Somebody sets the wall clock, forward or back."""
        self.wall_ms += round(by_s * 1000)


def by_hand(body: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a body on a ``HandLoop``."""
    with asyncio.Runner(loop_factory=HandLoop) as runner:
        return runner.run(body())
