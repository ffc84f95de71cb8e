"""Virtual time: an event loop without a kernel, and the processes that live in it.

Theory. The loop's clock stands still while anything is ready, and jumps to the next
timer when nothing is. There are no threads, no descriptors and no real waiting, so a
seed decides everything. Every callback belongs to the process in whose context it was
made: a killed process runs no further callback, not even a ``finally``, and one that
is stopped runs them when it goes on. So kill -9 and SIGSTOP are what they are outside.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any, Final, TypeVar, TypeVarTuple

T = TypeVar("T")
A = TypeVarTuple("A")
_TASKS_MAX: Final = 4_096
START_S: Final = 1_000.0
"""Of the monotonic clock; not 0, which code may take for "never"."""
_OWNER: ContextVar["Process | None"] = ContextVar("owner", default=None)


class Standstill(Exception):
    """Nothing is ready and no timer is set: everybody waits for ever."""


class Call:
    """A callback that waits for its turn or its time; asyncio's handle, but lean."""

    __slots__ = ("_when", "args", "callback", "cancelled_", "context")

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: Context | None,
        when: float = 0.0,
    ) -> None:
        self.callback = callback
        self.args = args
        self.context = copy_context() if context is None else context
        self.cancelled_ = False
        self._when = when

    def cancel(self) -> None:
        self.cancelled_ = True
        self.args = ()

    def cancelled(self) -> bool:
        return self.cancelled_

    def when(self) -> float:
        return self._when


class VirtualLoop(asyncio.BaseEventLoop):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = START_S
        self.calls: deque[Call] = deque()
        self.tasks: list[asyncio.Task[Any]] = []
        """All that were ever begun and may not have ended: nothing is collected by
        chance while the simulation runs."""
        self._timers: list[tuple[float, int, Call]] = []
        self._number = 0

    def time(self) -> float:
        return self.now_s

    def call_soon(  # type: ignore[override]
        self, callback: Any, *args: Any, context: Any = None
    ) -> Any:
        call = Call(callback, args, context)
        self.calls.append(call)
        return call

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Any = None
    ) -> Any:
        call = Call(callback, args, context, when)
        self._number += 1
        heapq.heappush(self._timers, (when, self._number, call))
        return call

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Any, *args: Any, context: Any = None
    ) -> Any:
        return self.call_at(self.now_s + delay, callback, *args, context=context)

    def create_task(self, coro: Any, **named: Any) -> Any:
        task = super().create_task(coro, **named)
        self.tasks.append(task)
        if len(self.tasks) > _TASKS_MAX:
            self.tasks = [each for each in self.tasks if not each.done()]
        return task

    def run_in_executor(  # type: ignore[override]
        self,
        executor: Any,  # noqa: ARG002 - there is none
        func: Any,
        *args: Any,
    ) -> Any:
        """Done at once: a thread that costs no time."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it is the caller's
            future.set_exception(error)
        return future

    def _run_once(self) -> None:
        calls = self.calls
        self._fall_due()
        for _ in range(len(calls)):
            call = calls.popleft()
            if call.cancelled_:
                continue
            owner = call.context.get(_OWNER)
            if owner is not None and not owner.alive:
                continue
            if owner is not None and owner.held is not None:
                owner.held.append(call)
                continue
            try:
                call.context.run(call.callback, *call.args)
            except Exception as error:  # noqa: BLE001 - as asyncio's own loop does
                what = f"in {call.callback!r}"
                self.call_exception_handler({"message": what, "exception": error})

    def _fall_due(self) -> None:
        calls, timers = self.calls, self._timers
        while timers and timers[0][2].cancelled_:
            heapq.heappop(timers)
        if not calls:
            if not timers:
                raise Standstill
            self.now_s = max(self.now_s, timers[0][0])
        while timers and timers[0][0] <= self.now_s:
            calls.append(heapq.heappop(timers)[2])

    def _process_events(self, event_list: Any) -> None:
        """There are no descriptors."""

    def _write_to_self(self) -> None:
        """There are no threads."""

    def end(self) -> None:
        """Close what was left half done, in order, and the loop."""
        for task in self.tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                coroutine = task.get_coro()
                assert isinstance(coroutine, Coroutine)
                try:
                    coroutine.close()
                except RuntimeError:
                    continue  # it would wait on its way out; nobody is there to see
        self.tasks.clear()
        self.calls.clear()
        self._timers.clear()
        self.close()


class Process:
    """Something that can be killed, or stopped and continued, with all its tasks."""

    def __init__(self, loop: VirtualLoop, name: str) -> None:
        self.name = name
        self.alive = True
        self.held: list[Call] | None = None
        self.on_end: list[Callable[[], None]] = []
        """Called in nobody's context, in order."""
        self._loop = loop
        self._context: Context = copy_context()
        self._context.run(_OWNER.set, self)

    @property
    def stopped(self) -> bool:
        return self.held is not None

    def spawn(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        task: asyncio.Task[T] = self._loop.create_task(work, context=self._context)
        return task

    def call(self, callback: Callable[[*A], object], *args: *A) -> None:
        """In the process, when its turn comes; nothing if it is dead by then."""
        if self.alive:
            self._loop.call_soon(callback, *args, context=self._context)

    def later(
        self, delay_s: float, callback: Callable[[*A], object], *args: *A
    ) -> Call:
        call: Call = self._loop.call_later(
            delay_s, callback, *args, context=self._context
        )
        return call

    def at(self, when: float, callback: Callable[[*A], object], *args: *A) -> None:
        self._loop.call_at(when, callback, *args, context=self._context)

    def kill(self) -> None:
        if not self.alive:
            return
        self.alive = False
        self.held = None
        for each in self.on_end:
            self._loop.call_soon(each, context=NOBODY)

    def stop(self) -> None:
        if self.alive and self.held is None:
            self.held = []

    def go_on(self) -> None:
        if self.held is not None:
            held, self.held = self.held, None
            self._loop.calls.extend(held)


NOBODY: Final = Context()
"""What happens in it is done by the world, not by a process."""


def run_virtually(main: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in a loop of its own, from nobody's context."""
    loop = VirtualLoop()
    try:
        return NOBODY.copy().run(loop.run_until_complete, main(loop))
    finally:
        loop.end()
