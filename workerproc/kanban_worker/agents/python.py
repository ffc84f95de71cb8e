"""Kind ``python``: an installed callable, called in the worker itself.

Theory. ``package.module:function`` is called as ``function(work, context)`` in one of
the worker's threads, one for each slot, started when first needed and kept. It returns
None, a summary in Markdown, an ``Outcome``, or any other value that JSON has, which is
its output. An exception is its failure, and the end of its traceback goes into the
run's log; ``Later`` asks for another try later. No process is started, and only an
output or metrics are written to disk: a call dies with its worker, is reported lost,
and is made again (at least once).

Threads tell the event loop by appending to one list and waking it once, so that a
thousand short calls cost the loop one turn and the link one message.

A thread cannot be ended from outside. Cancelling sets ``context.cancelled`` and
nothing else; a call that does not heed it is the worker's problem
(``kanban_worker.shell.calls``).
"""

import functools
import importlib
import queue
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

from kanban_ipc.bounds import (
    MESSAGE_CHARS_MAX,
    RUN_OUTPUT_BYTES_MAX,
    STEPS_MAX,
    SUMMARY_BYTES_MAX,
)
from kanban_ipc.link import Work
from kanban_ipc.words import LOG_LEVELS, Epoch, LogLevel, RunId

EVENTS_MAX: Final = 10_000
"""Log lines on their way to the event loop; further ones are dropped."""


TRACEBACK_LINES_MAX: Final = 30
"""Its end says where it broke; fifteen frames."""


class OutcomeError(Exception):
    """What a callable returned cannot be kept; the text is for people."""


class Later(Exception):
    """Raised by a callable: not now, try again later."""


class Outcome(msgspec.Struct, frozen=True):
    """What a callable may return when a summary alone is not enough."""

    summary: str = ""
    """Markdown, for people."""
    output: object = None
    """Anything that JSON has; kept with the run."""
    metrics: Mapping[str, float] = {}
    """Numbers by name, e.g. ``{"rows": 12, "cost_usd": 0.3}``; kept with the run."""


class CallStarted(NamedTuple):
    """A thread has taken it."""

    call: "Call"


class CallProgress(NamedTuple):
    """It said how far it is."""

    call: "Call"
    percent: int
    step: str
    total_steps: int


class CallLine(NamedTuple):
    """It said something for the execution log."""

    call: "Call"
    level: LogLevel
    message: str


class CallEnded(NamedTuple):
    """It returned or raised, or could not be called."""

    call: "Call"
    how: Literal["finished", "failed", "later", "unusable"]
    text: str
    """The summary, or the reason."""
    kept: bytes = b""
    """``finished``: output and metrics as JSON; empty when there are none."""


CallEvent: TypeAlias = CallStarted | CallProgress | CallLine | CallEnded
Function: TypeAlias = Callable[[Work, "Context"], object]


class Call:
    """One run of a callable."""

    __slots__ = (
        "cancelled",
        "epoch",
        "progress",
        "progress_told",
        "run_id",
        "started_ns",
        "target",
        "work",
    )

    def __init__(self, run_id: RunId, epoch: Epoch, target: str, work: Work) -> None:
        self.run_id = run_id
        self.epoch = epoch
        self.target = target
        self.work = work
        self.cancelled = False
        self.started_ns = 0
        self.progress: CallProgress | None = None
        """What it said last of how far it is."""
        self.progress_told = False
        """That it said something is on its way to the event loop."""


class Context:
    """What a callable is given besides its ticket. Every method may be called often."""

    __slots__ = ("_call", "_tell")

    def __init__(self, call: Call, tell: Callable[[CallEvent], None]) -> None:
        self._call = call
        self._tell = tell

    @property
    def cancelled(self) -> bool:
        """True once the run shall end: return soon, the result does not count."""
        return self._call.cancelled

    def progress(self, percent: int, step: str = "", total_steps: int = 0) -> None:
        """How far it is, 0 to 100. At most one a second is shown."""
        bounded = min(max(int(percent), 0), 100)
        steps = min(max(int(total_steps), 0), STEPS_MAX)
        call, text = self._call, plain(step)
        said = CallProgress(call, bounded, text, steps)
        # In this order, and the reverse in ``_latest``: the last word is never lost.
        call.progress = said
        if not call.progress_told:
            call.progress_told = True
            self._tell(said)

    def log(self, message: str, level: LogLevel = "info") -> None:
        """One line in the run's execution log. Raises ``ValueError``.

        Nothing else looks at the level before the daemon does, which refuses a worker
        that says what there is not: all its calls would pay.
        """
        if level not in LOG_LEVELS:
            known = ", ".join(LOG_LEVELS)
            raise ValueError(f"the level {plain(level)!r} is none of {known}")
        self._tell(CallLine(self._call, level, plain(message)))


class Threads:
    """The slots' threads. ``wake`` must be safe to call from any of them."""

    def __init__(self, slots: int, wake: Callable[[], None]) -> None:
        self._slots = slots
        self._wake = wake
        self._calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._events: deque[CallEvent] = deque()
        self._woken = False
        self._threads: list[threading.Thread] = []
        self._open = 0

    def submit(self, call: Call) -> None:
        """Called as soon as a slot's thread is free."""
        self._open += 1
        if self._open > len(self._threads) < self._slots:
            name = f"slot-{len(self._threads) + 1}"
            thread = threading.Thread(target=self._serve, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()
        self._calls.put(call)

    def close(self) -> None:
        """Let the threads end. One that is in a call cannot be ended from outside: in
        a process that lives on, its name tells what it is."""
        while not self._calls.empty():
            self._calls.get()
        for thread in self._threads:
            self._calls.put(None)
            if self._open:
                thread.name = f"abandoned {thread.name}"

    def collect(self) -> list[CallEvent]:
        """What happened since, in order."""
        self._woken = False
        events = self._events
        happened = [_latest(events.popleft()) for _ in range(len(events))]
        self._open -= sum(type(event) is CallEnded for event in happened)
        return happened

    def _tell(self, event: CallEvent) -> None:
        if type(event) is CallLine and len(self._events) >= EVENTS_MAX:
            return
        self._events.append(event)
        if not self._woken:
            self._woken = True
            self._wake()

    def _serve(self) -> None:
        while True:
            call = self._calls.get()
            if call is None:
                return
            call.started_ns = time.monotonic_ns()
            if not call.cancelled:
                self._tell(CallStarted(call))
            self._tell(_call(call, self._tell))


def _latest(event: CallEvent) -> CallEvent:
    """Progress as it is now: however often it is said, one word of it waits."""
    if type(event) is not CallProgress:
        return event
    event.call.progress_told = False
    return event.call.progress or event


def _call(call: Call, tell: Callable[[CallEvent], None]) -> CallEnded:
    if call.cancelled:
        return CallEnded(call, "failed", "cancelled before it began")
    try:
        function = load(call.target)
    except Exception as error:  # noqa: BLE001  an import runs anything
        return CallEnded(call, "unusable", _unusable(call.target, error))
    try:
        outcome = _outcome(function(call.work, Context(call, tell)))
        summary = plain(outcome.summary, SUMMARY_BYTES_MAX // 4)
        kept = _kept(outcome)
    except Later as later:
        return CallEnded(call, "later", plain(later) or "asked to be tried later")
    except BaseException as error:  # noqa: BLE001  the thread must live on
        for line in _traceback(error):
            tell(CallLine(call, "error", line))
        return CallEnded(call, "failed", f"{type(error).__name__}: {plain(error)}")
    return CallEnded(call, "finished", summary, kept)


def _outcome(returned: object) -> Outcome:
    if isinstance(returned, Outcome):
        return returned
    if returned is None or isinstance(returned, str):
        return Outcome(summary=returned or "")
    return Outcome(output=returned)


def _kept(outcome: Outcome) -> bytes:
    """Raises ``OutcomeError``: what cannot be kept is the callable's failure."""
    if outcome.output is None and not outcome.metrics:
        return b""
    try:
        # Through JSON once, so that what is not a number says so here.
        metrics = msgspec.convert(dict(outcome.metrics), dict[str, float])
        data = msgspec.json.encode({"output": outcome.output, "metrics": metrics})
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise OutcomeError(
            f"it returned what JSON does not have ({plain(error)}); return text, "
            "numbers, lists and dicts of them, or an Outcome of such"
        ) from error
    if len(data) > RUN_OUTPUT_BYTES_MAX:
        raise OutcomeError(
            f"it returned {len(data)} bytes of output, and {RUN_OUTPUT_BYTES_MAX} are "
            "kept; write the rest to a file and return its path"
        )
    return data


def _traceback(error: BaseException) -> list[str]:
    """Its end, without our own frame."""
    own = error.__traceback__
    frames = own.tb_next if own is not None else None
    told = traceback.TracebackException(type(error), error, frames)
    try:
        lines = "".join(told.format()).splitlines()
    except Exception as failed:  # noqa: BLE001  the error's own __str__
        return [f"(no traceback: {type(failed).__name__})"]
    return [plain(line) for line in lines[-TRACEBACK_LINES_MAX:]]


def plain(value: object, chars_max: int = MESSAGE_CHARS_MAX) -> str:
    """Text that can be sent: bounded, without lone surrogates. Never raises."""
    try:
        text = str(value)[:chars_max]
    except Exception as error:  # noqa: BLE001  a callable's own __str__
        text = f"(its text cannot be had: {type(error).__name__})"
    return text.encode("utf-8", "replace").decode("utf-8")


@functools.lru_cache(maxsize=256)
def load(target: str) -> Function:
    """The callable named ``package.module:function``. Raises what importing raises."""
    module, separator, name = target.partition(":")
    if not (module and separator and name):
        raise ValueError("write it as package.module:function")
    found = functools.reduce(getattr, name.split("."), importlib.import_module(module))
    if not callable(found):
        raise TypeError(f"{name} is not callable")
    return found


def _unusable(target: str, error: Exception) -> str:
    return (
        f"the callable {target!r} cannot be used: "
        f"{type(error).__name__}: {plain(error)}; "
        "install its package where kanband runs, or correct the agent's profile"
    )
