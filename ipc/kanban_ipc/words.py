"""The words that every program shares: ids, states, classes.

A word is decided here once; what follows from it (which transition is legal,
how long a retry waits) is decided in ``kanband.core``.
"""

import re
from typing import Final, Literal, NewType, get_args

TicketId = NewType("TicketId", int)
"""Never reused; from 1."""
RunId = NewType("RunId", str)
"""A UUIDv7 in canonical text form; also the nonce that marks the run's processes."""
WorkerId = NewType("WorkerId", str)
Epoch = NewType("Epoch", int)
"""Fencing number of a ticket: +1 at every claim."""

WORKER_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)

TicketState = Literal[
    "backlog",
    "ready",
    "assigned",
    "working",
    "needs_input",
    "conflicted",
    "failed",
    "blocked",
    "in_review",
    "approved",
    "completed",
    "cancelled",
]
TICKET_STATES: Final[tuple[TicketState, ...]] = get_args(TicketState)

Column = Literal["Backlog", "Ready", "In Progress", "Blocked", "Review", "Done"]
COLUMNS: Final[tuple[Column, ...]] = get_args(Column)

COLUMN_OF: Final[dict[TicketState, Column]] = {
    "backlog": "Backlog",
    "ready": "Ready",
    "assigned": "In Progress",
    "working": "In Progress",
    "needs_input": "Blocked",
    "conflicted": "Blocked",
    "failed": "Blocked",
    "blocked": "Blocked",
    "in_review": "Review",
    "approved": "Review",
    "completed": "Done",
    "cancelled": "Done",
}

Priority = Literal["urgent", "high", "medium", "low"]
PRIORITIES: Final[tuple[Priority, ...]] = get_args(Priority)
"""Most urgent first: the index is the band by which claims are ordered."""

TaskType = Literal[
    "general", "analysis", "coding", "research", "review", "documentation"
]
TASK_TYPES: Final[tuple[TaskType, ...]] = get_args(TaskType)

RunStatus = Literal["queued", "running", "finished", "error", "aborted"]

FailureClass = Literal[
    "agent_error",
    "timeout",
    "stalled",
    "deferred",
    "shutdown",
    "worker_lost",
    "host_lost",
    "rate_limited",
    "auth",
    "setup",
    "over_budget",
    "cancelled",
]
"""Why a run did not finish. ``deferred`` is "later": the agent's own (exit 75), or that
of a machine or a repository that has no room for it now."""
FAILURE_CLASSES: Final[tuple[FailureClass, ...]] = get_args(FailureClass)

Proof = Literal["cgroup", "subreaper", "sweep", "none"]
"""How surely a process tree is known to be gone, best first.

``cgroup``: the kernel killed the group and reports it empty. ``subreaper``: the
shim waited for its last descendant. ``sweep``: two passes over ``/proc`` found
no process with the run's nonce; this is evidence rather than proof. ``none``:
not established.
"""
PROOFS: Final[tuple[Proof, ...]] = get_args(Proof)

UnitScope = Literal["", "user", "system"]
"""The systemd manager that has the spawner and every run as units; empty: none has,
they are plain processes."""
UNIT_SCOPES: Final[tuple[UnitScope, ...]] = get_args(UnitScope)

WorkerState = Literal[
    "STARTING",
    "RUNNING",
    "STOPPING",
    "STOPPED",
    "BACKOFF",
    "EXITED",
    "FATAL",
    "UNKNOWN",
]
WORKER_STATES: Final[tuple[WorkerState, ...]] = get_args(WorkerState)

Activity = Literal["idle", "busy", "draining"]
Staleness = Literal["ok", "WARN", "STALE", "DEAD"]
Sender = Literal["worker", "orchestrator", "user", "system"]
Author = Literal["user", "agent", "system"]
"""Who wrote a comment."""
AUTHORS: Final[tuple[Author, ...]] = get_args(Author)
LogLevel = Literal["debug", "info", "warn", "error"]
LOG_LEVELS: Final[tuple[LogLevel, ...]] = get_args(LogLevel)
Applies = Literal["now", "next_run", "next_start", "restart"]
"""From when on a changed configuration counts."""
QuestionKind = Literal["clarification", "permission"]
"""What an agent asks for: to be told something, or to be allowed something."""
AgentKind = Literal["shell", "python"]
"""Kinds this version runs. A further kind joins here, in the configuration's
checks and as a module of ``kanban_worker.agents``."""
AGENT_KINDS: Final[tuple[AgentKind, ...]] = get_args(AgentKind)

DoubtWord = Literal["look", "end", "disown"]
"""A person's word on a process that cannot be verified: look again, end it, it is not
the worker's."""
