"""The worker automaton: what a worker process is, and what happens to it.

Theory. Two things are kept apart. What is *wanted* of a worker (run or stop) is a
person's wish: it is committed before it is acted on and survives restarts of the
daemon. What the worker *is* is one of supervisord's eight states, and only what was
observed moves it: a hello, an exit, a deadline. A wish enters the table as an event
(``start``, ``stop``), and once more when a stop is complete: a worker that is STOPPED
and wanted is started, which is all that a restart is.

    STARTING   spawned (or found again by a new daemon), has not said hello yet
    RUNNING    has said hello
    STOPPING   asked to leave; the steps of ``stopping`` are being taken
    STOPPED    no process, on request
    BACKOFF    no process; it died and is started again after a delay (maybe zero)
    EXITED     no process; it left by itself in order, and is started again likewise.
               Or it was a guest (started by hand or by a service manager) and ended
               however: whoever started it starts it again, or does not
    FATAL      no process; too many starts failed, only a person helps
    UNKNOWN    a process that cannot be proven to be this worker: it is neither
               killed nor is a second one started beside it

``TABLE`` is complete for what can happen; a pair that is missing is a bug, and
``step`` says so. Effects are names: the shell knows how. Absent: clocks, delays
(``backoff``), what an exit means (``exits``).
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from kanban_ipc.words import WorkerState

Event = Literal[
    "start",
    "stop",
    "hello",
    "overdue",
    "silent",
    "failed",
    "exhausted",
    "crashed",
    "left",
    "gone",
    "ended",
    "due",
    "found",
    "doubted",
]
"""``start`` and ``stop``: the wish. ``overdue``: no hello in time. ``silent``: nothing
heard for too long. ``failed``: the start came to nothing, before hello; ``exhausted``:
once too often. ``crashed``: ended after hello. ``left``: ended in order, by itself.
``gone``: a guest's process has ended. ``ended``: the process that was to stop (or was
in doubt) is gone. ``due``: the delay is over. ``found`` and ``doubted``: a new daemon
has looked at what it was left (or a guest has come)."""

Effect = Literal["spawn", "await_hello", "watch", "retire", "abort", "delay", "forget"]
"""``spawn``: start a new incarnation. ``await_hello``: ``overdue`` after the start
timeout. ``watch``: it runs, be told when it falls silent. ``retire``: take the steps of
``stopping``. ``abort``: ask for its stack (SIGABRT), then kill it. ``delay``: ``due``
after the delay of ``backoff``. ``forget``: its failures no longer count."""

Wanted = Literal["run", "stop"]


class Edge(NamedTuple):
    """Where an event leads, and what is to be done on the way."""

    to: WorkerState
    effects: tuple[Effect, ...] = ()


class ImpossibleEvent(AssertionError):
    """The shell reported what cannot happen in this state."""


TABLE: Final[Mapping[tuple[WorkerState, Event], Edge]] = {
    ("STOPPED", "start"): Edge("STARTING", ("forget", "spawn", "await_hello")),
    ("STOPPED", "stop"): Edge("STOPPED"),
    ("STOPPED", "found"): Edge("STARTING", ("await_hello",)),
    ("STOPPED", "doubted"): Edge("UNKNOWN"),
    ("STARTING", "start"): Edge("STARTING"),
    ("STARTING", "stop"): Edge("STOPPING", ("retire",)),
    ("STARTING", "hello"): Edge("RUNNING", ("watch",)),
    ("STARTING", "overdue"): Edge("STARTING", ("abort",)),
    ("STARTING", "failed"): Edge("BACKOFF", ("delay",)),
    ("STARTING", "exhausted"): Edge("FATAL"),
    # Of one that a new daemon has found: it had said hello to the old one.
    ("STARTING", "crashed"): Edge("BACKOFF", ("delay",)),
    ("STARTING", "left"): Edge("EXITED", ("delay",)),
    ("STARTING", "gone"): Edge("EXITED"),
    ("RUNNING", "start"): Edge("RUNNING"),
    ("RUNNING", "stop"): Edge("STOPPING", ("retire",)),
    # On a new connection it says hello again.
    ("RUNNING", "hello"): Edge("RUNNING"),
    ("RUNNING", "silent"): Edge("RUNNING", ("abort",)),
    ("RUNNING", "crashed"): Edge("BACKOFF", ("delay",)),
    ("RUNNING", "left"): Edge("EXITED", ("delay",)),
    ("RUNNING", "gone"): Edge("EXITED"),
    # A wish to run is remembered, and granted once this process is gone.
    ("STOPPING", "start"): Edge("STOPPING"),
    ("STOPPING", "stop"): Edge("STOPPING", ("retire",)),
    ("STOPPING", "hello"): Edge("STOPPING", ("retire",)),
    ("STOPPING", "ended"): Edge("STOPPED"),
    ("BACKOFF", "start"): Edge("STARTING", ("forget", "spawn", "await_hello")),
    ("BACKOFF", "stop"): Edge("STOPPED"),
    ("BACKOFF", "due"): Edge("STARTING", ("spawn", "await_hello")),
    ("EXITED", "start"): Edge("STARTING", ("forget", "spawn", "await_hello")),
    ("EXITED", "stop"): Edge("STOPPED"),
    # A guest, which somebody has started (again), or a new daemon meets.
    ("EXITED", "found"): Edge("STARTING", ("await_hello",)),
    ("EXITED", "doubted"): Edge("UNKNOWN"),
    ("EXITED", "due"): Edge("STARTING", ("spawn", "await_hello")),
    ("FATAL", "start"): Edge("STARTING", ("forget", "spawn", "await_hello")),
    ("FATAL", "stop"): Edge("STOPPED"),
    # A new daemon looks, whatever the row says: what lives is not given up.
    ("FATAL", "found"): Edge("STARTING", ("await_hello",)),
    ("FATAL", "doubted"): Edge("UNKNOWN"),
    # Whatever is wished, what cannot be verified is left alone ...
    ("UNKNOWN", "start"): Edge("UNKNOWN"),
    ("UNKNOWN", "stop"): Edge("UNKNOWN"),
    ("UNKNOWN", "doubted"): Edge("UNKNOWN"),
    # ... until it proves itself by its secret or its lock, or is gone.
    ("UNKNOWN", "hello"): Edge("RUNNING", ("watch",)),
    ("UNKNOWN", "found"): Edge("STARTING", ("await_hello",)),
    ("UNKNOWN", "ended"): Edge("STOPPED"),
}

ALIVE: Final[frozenset[WorkerState]] = frozenset({"STARTING", "RUNNING", "STOPPING"})
"""States with a process that is certainly ours (STARTING: or is about to be)."""

AT_REST: Final[frozenset[WorkerState]] = frozenset({"RUNNING", "FATAL", "UNKNOWN"})
"""States of a wanted worker in which nothing further happens by itself."""


def _edges() -> tuple[tuple[WorkerState, Event, WorkerState], ...]:
    moves = ((state, event, edge.to) for (state, event), edge in TABLE.items())
    return tuple(move for move in moves if move[0] != move[2])


EDGES: Final = _edges()
"""The diagram: (from, event, to), without what leaves a state as it is."""


def step(state: WorkerState, event: Event) -> Edge:
    """Where ``event`` leads from ``state``. Raises ``ImpossibleEvent``."""
    edge = TABLE.get((state, event))
    if edge is None:
        raise ImpossibleEvent(f"{event} in {state}")
    return edge


def follow_up(state: WorkerState, wanted: Wanted) -> Event | None:
    """The wish that a state leaves unfulfilled, as the next event."""
    if state == "STOPPED" and wanted == "run":
        return "start"
    if state in {"STARTING", "RUNNING"} and wanted == "stop":
        return "stop"
    return None
