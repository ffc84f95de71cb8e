"""What messages are made of: the work to be done, what is held, what came of it."""

from typing import Literal

import msgspec

from kanban_ipc.link.base import Number, SaidEpoch
from kanban_ipc.words import (
    AgentKind,
    FailureClass,
    Priority,
    Proof,
    QuestionKind,
    RunId,
    TaskType,
    TicketId,
)


class Part(msgspec.Struct, frozen=True, array_like=True):
    """Base of what messages are made of."""


class ProcessId(Part, frozen=True):
    """Identity of a process: a pid alone is not one (pids are reused)."""

    boot_id: str
    """``/proc/sys/kernel/random/boot_id``."""
    pid: Number
    start_ticks: Number
    """Field 22 of ``/proc/PID/stat``: proc_pid_stat(5)."""


class Resources(Part, frozen=True):
    """What a run may take of the machine; None: what its account may."""

    memory_bytes: int | None = None
    """The first three: of the run as a whole."""
    processes: int | None = None
    """At a time, threads included."""
    cpu_percent: int | None = None
    """Of one processor."""
    file_size_bytes: int | None = None
    """From here on: of each process, set before its program starts."""
    open_files: int | None = None
    nice: int | None = None
    io_priority: int | None = None
    """Class and level in one number: ioprio_set(2)."""
    oom_score_adj: int | None = None
    address_space_bytes: int | None = None


class Limits(Part, frozen=True):
    """What one run may use. The shim enforces it, while all else may be away."""

    run_s: float = 3600.0
    silence_s: float = 900.0
    """Seconds without output; 0 is no limit."""
    log_bytes: int = 64 << 20
    """Kept per output file; past it the middle is cut and marked."""
    grace_s: float = 10.0
    """Between SIGTERM and SIGKILL."""
    resources: Resources = Resources()


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
