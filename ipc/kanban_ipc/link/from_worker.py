"""What a worker says to the daemon."""

from typing import Literal, TypeAlias

from kanban_ipc.link.base import Message, Number, SaidEpoch, Slots
from kanban_ipc.link.parts import Held, Observation, ProcessId, Result
from kanban_ipc.words import LogLevel, QuestionKind, RunId, WorkerId


class Hello(Message, frozen=True):
    """First words of a connection; also how a worker asks to be taken back."""

    version: Number
    worker_id: WorkerId
    incarnation: str
    secret: str
    """Was handed over by descriptor at the start; the daemon keeps its SHA-256."""
    process: ProcessId
    slots: Slots
    draining: bool = False
    held: tuple[Held, ...] = ()
    program_version: str = ""
    guest: bool = False
    """The daemon did not start it: the secret is the pass's (``guests``)."""
    agents: tuple[str, ...] = ()
    """Of a guest: the profiles it is restricted to; empty is all."""
    repo: str = ""
    """Of a guest: the one repository it serves, absolute; empty is all."""


class Heartbeat(Message, frozen=True):
    free: Number
    """Slots without a run."""
    runs: tuple[Observation, ...] = ()
    rss_bytes: Number = 0
    cpu_ms: Number = 0


class Started(Message, frozen=True):
    """The agent runs. Reliable."""

    run_id: RunId
    epoch: SaidEpoch
    seq: Number
    started_ms: Number
    branch: str = ""
    worktree: str = ""
    head_before: str = ""
    agent_pid: Number = 0


class Progress(Message, frozen=True):
    run_id: RunId
    epoch: SaidEpoch
    percent: Number
    step: str = ""
    total_steps: Number = 0
    current_step: Number = 0


class Log(Message, frozen=True):
    """One line of a run's execution log. Reliable."""

    run_id: RunId
    epoch: SaidEpoch
    seq: Number
    ts_ms: Number
    level: LogLevel
    message: str


class Asked(Message, frozen=True):
    """What a run's agent asks, where it could not say so itself. Reliable."""

    run_id: RunId
    epoch: SaidEpoch
    seq: Number
    asked_ms: Number
    question: str
    kind: QuestionKind = "clarification"
    choices: tuple[str, ...] = ()


class Finished(Message, frozen=True):
    """The run is over and its result is on disk. Reliable; the last of its run."""

    run_id: RunId
    epoch: SaidEpoch
    seq: Number
    ended_ms: Number
    result: Result


class Goodbye(Message, frozen=True):
    """The worker leaves on purpose: its exit that follows is expected."""

    reason: Literal["drained", "stopped", "daemon_away", "recycled"]


WorkerMessage: TypeAlias = (
    Hello | Heartbeat | Started | Progress | Log | Asked | Finished | Goodbye
)
