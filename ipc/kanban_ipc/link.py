"""The link: what a worker and the daemon say to each other.

Theory. The daemon binds a ROUTER, each worker connects a DEALER whose identity is
``identity(worker_id, incarnation)``. A worker says ``Hello`` first, and again
whenever the connection is new, the daemon asks (``HelloWanted``) or it begins to leave
unasked (``draining``); it is answered ``Welcome`` or ``Refused``. From then on:

* the daemon pushes ``Assign``; the worker answers with ``Started``, ``Log``,
  ``Asked`` and ``Finished``, the *reliable* messages: each carries the run's next
  sequence number (from 1), is resent after every ``Welcome`` until the cumulative
  ``Ack`` covers it, and is idempotent on (run, epoch, seq);
* ``Progress`` is unreliable, at most one a second and run;
* ``Heartbeat`` every ``Welcome.heartbeat_s`` lists the runs held, with what was
  *observed of the work*; ``Beat`` answers it. A listed run the daemon does not know
  is told ``Drop``; a leased run that is missing from ``Hello`` or ``Heartbeat`` is
  assigned again (same epoch; ``adopt`` when another start of a worker may have had it);
* ``Finished`` is durable on the worker's disk before it is sent, and stays there
  until it is acknowledged; the daemon acknowledges only what it has committed.

What a worker says of a run that another worker holds changes nothing: its
``Finished`` is answered with ``Drop`` alone, for the holder reports that end itself.
A ``Log``, ``Asked`` or ``Started`` whose (run, epoch) the daemon does not hold is
acknowledged and changes nothing; a stale ``Finished`` is acknowledged, journalled,
changes nothing else, and is answered with ``Drop``.
"""

from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from kanban_ipc import bounds
from kanban_ipc.words import (
    AgentKind,
    Epoch,
    FailureClass,
    LogLevel,
    Priority,
    Proof,
    QuestionKind,
    RunId,
    TaskType,
    TicketId,
    WorkerId,
)

IDENTITY_SEPARATOR: Final = b":"


def identity(worker_id: WorkerId, incarnation: str) -> bytes:
    """The ZeroMQ routing id of one start of a worker."""
    return worker_id.encode("ascii") + IDENTITY_SEPARATOR + incarnation.encode("ascii")


class Message(
    msgspec.Struct, frozen=True, array_like=True, tag=True, omit_defaults=False
):
    """Base of everything on the link; the tag is the class's name."""


class Part(msgspec.Struct, frozen=True, array_like=True):
    """Base of what messages are made of."""


_NUMBER_MAX: Final = (1 << 53) - 1
Number: TypeAlias = Annotated[int, msgspec.Meta(ge=-_NUMBER_MAX, le=_NUMBER_MAX)]
"""What a worker may say: SQLite and JSON hold it, and sums of a few of them. One that
no store could hold would fail the commit of everybody's reports, for ever."""
SaidEpoch: TypeAlias = Annotated[Epoch, msgspec.Meta(ge=0, le=_NUMBER_MAX)]
Slots: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=bounds.SLOTS_MAX)]

# --------------------------------------------------------------------- parts


class ProcessId(Part, frozen=True):
    """Identity of a process: a pid alone is not one (pids are reused)."""

    boot_id: str
    """``/proc/sys/kernel/random/boot_id``."""
    pid: Number
    start_ticks: Number
    """Field 22 of ``/proc/PID/stat``: proc_pid_stat(5)."""


class Limits(Part, frozen=True):
    """What one run may use. The shim enforces it, while all else may be away."""

    run_s: float = 3600.0
    silence_s: float = 900.0
    """Seconds without output; 0 is no limit."""
    log_bytes: int = 64 << 20
    """Kept per output file; past it the middle is cut and marked."""
    grace_s: float = 10.0
    """Between SIGTERM and SIGKILL."""


class Agent(Part, frozen=True):
    """A profile, as the worker needs it."""

    name: str
    kind: AgentKind
    argv: tuple[str, ...] = ()
    """Kind ``shell``: a template, one variable is one whole argument or part of one,
    never re-split. Kind ``python``: empty."""
    callable: str = ""
    """Kind ``python``: ``package.module:function``."""
    env: dict[str, str] = {}
    env_pass: tuple[str, ...] = ()
    """Names taken over from the worker's environment: the allow-list."""
    model: str = ""
    worktree: bool = True
    expects_change: bool = False
    prompt_template: str = ""
    """Empty: the built-in prompt."""
    exit_codes: dict[int, FailureClass] = {}
    """What its exit statuses say, where they say more than that it failed."""


class Exchange(Part, frozen=True):
    """What an earlier run's agent asked, and what a person answered."""

    question: str
    answer: str
    kind: QuestionKind = "clarification"


class Work(Part, frozen=True):
    """The ticket, as the worker needs it."""

    ticket_id: TicketId
    title: str
    description_md: str = ""
    instructions: str = ""
    priority: Priority = "medium"
    labels: tuple[str, ...] = ()
    task_type: TaskType = "general"
    repo_path: str = ""
    """Absolute, or empty for a ticket without a repository."""
    base_branch: str = ""
    """Empty: the repository's HEAD at the first run."""
    branch: str = ""
    """Empty until a first run has made it; kept on retries."""
    worktree: str = ""
    model: str = ""
    previous_failure: str = ""
    fresh: bool = False
    """Start clean: a new worktree from a fresh base, no resumed session."""
    estimated_duration_s: float = 0.0
    exchanges: tuple[Exchange, ...] = ()
    """The oldest first; at most ``EXCHANGES_MAX``."""


class Held(Part, frozen=True):
    """A run that the worker has on its hands."""

    run_id: RunId
    epoch: SaidEpoch


class Observation(Part, frozen=True):
    """What was seen of a run's work, not of the worker's own loop."""

    run_id: RunId
    epoch: SaidEpoch
    stage: Literal["preparing", "running", "finishing", "finished"]
    alive: bool
    """The shim holds its lock (or, for kind ``python``, the call is running)."""
    output_bytes: Number = 0
    last_output_ms: Number = 0
    """Milliseconds since the last output, by the monotonic clock."""
    cpu_ms: Number = 0
    rss_bytes: Number = 0
    progress: Number = 0


class FileChange(Part, frozen=True):
    """One line of ``git diff --name-status``."""

    status: str
    path: str


class Result(Part, frozen=True):
    """How a run ended, complete: what the store needs to settle it."""

    outcome: Literal["finished", "error", "aborted"]
    failure: FailureClass | None = None
    """Set exactly when the outcome is not ``finished``."""
    message: str = ""
    """For people: what happened, why, what to do next."""
    exit_code: Number | None = None
    signal: Number | None = None
    summary_md: str = ""
    branch: str = ""
    worktree: str = ""
    head_before: str = ""
    head_after: str = ""
    files_changed: tuple[FileChange, ...] = ()
    files_changed_count: Number = 0
    insertions: Number = 0
    deletions: Number = 0
    output_bytes: Number = 0
    log_cut: bool = False
    leftovers_killed: Number = 0
    """Processes still there when the agent itself had ended."""
    proof: Proof = "none"
    cpu_ms: Number = 0
    rss_max_bytes: Number = 0
    agent_started_ms: Number = 0
    agent_ended_ms: Number = 0
    duration_ms: Number = 0
    """By the monotonic clock; the two wall times above are for people."""
    retry_after_s: Number = 0
    """With ``rate_limited``: when its provider wants it back; 0: unsaid."""


# ------------------------------------------------------------ worker → daemon


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


# ------------------------------------------------------------ daemon → worker


class Welcome(Message, frozen=True):
    version: int
    heartbeat_s: float
    daemon_start: str
    """Changes with every start of the daemon."""
    away_exit_s: float = 60.0
    """An idle managed worker leaves when the daemon was away for so long."""


class HelloWanted(Message, frozen=True):
    """The daemon does not know this connection: say ``Hello`` again."""


class Refused(Message, frozen=True):
    """The worker cannot serve this daemon; it reports the reason and exits.

    Its runs stay under their shims for whoever holds the worker's id next.
    """

    code: Literal["version", "secret", "fenced", "unknown_worker", "malformed"]
    reason: str


class Beat(Message, frozen=True):
    """Answer to a heartbeat: the daemon's loop turns."""


class Assign(Message, frozen=True):
    run_id: RunId
    epoch: Epoch
    attempt: int
    """From 1."""
    work: Work
    agent: Agent
    limits: Limits
    run_dir: str
    """Absolute; may exist already when ``adopt`` is set."""
    adopt: bool = False
    """The run is not new: find it on disk and take it over where it stands."""
    cancel: bool = False
    """With ``adopt``: the run was cancelled in the meantime, end it."""
    api_url: str = ""
    """Where its agent may speak of its run; empty: nowhere."""
    api_token: str = ""
    """Opens this run there, and dies with it."""
    last_seq: Number = 0
    """Highest of the run's sequence numbers that was received: whoever adopts it goes
    on from there."""


class Ack(Message, frozen=True):
    """Everything of the run up to ``seq`` is committed."""

    run_id: RunId
    epoch: Epoch
    seq: int


class Cancel(Message, frozen=True):
    """End the run in order; the ``Finished`` that follows has the proof."""

    run_id: RunId
    epoch: Epoch
    grace_s: float
    failure: FailureClass = "cancelled"


class Drop(Message, frozen=True):
    """This (run, epoch) is not the worker's any more: end it, report nothing."""

    run_id: RunId
    epoch: Epoch


class Drain(Message, frozen=True):
    """Take no new runs and leave when the last has ended.

    After ``deadline_s`` the remaining runs are cancelled with class ``shutdown``.
    """

    deadline_s: float


WorkerMessage: TypeAlias = (
    Hello | Heartbeat | Started | Progress | Log | Asked | Finished | Goodbye
)
DaemonMessage: TypeAlias = (
    Welcome | HelloWanted | Refused | Beat | Assign | Ack | Cancel | Drop | Drain
)
