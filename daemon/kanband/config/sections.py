"""The keys of kanban.toml: names, defaults, ranges.

Decided here: what each table may hold. A range is part of its type, and ``check``
turns it into the words of a refusal. Ranges are wide: they refuse what cannot be
meant (a negative wait, a grace of a month), not what is merely unusual.
"""

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from kanban_ipc.words import AgentKind, UnitScope

Mode = Literal["managed", "standalone", "inline"]

DAY_S: Final = 86_400.0
WEEK_S: Final = 7 * DAY_S

Beats = Annotated[int, Meta(ge=1, le=10_000)]
Wait = Annotated[float, Meta(ge=0, le=DAY_S)]
"""Seconds; 0 does not wait."""
Interval = Annotated[float, Meta(ge=0.01, le=DAY_S)]
"""Seconds, more than none."""
RunLimit = Annotated[float, Meta(ge=0.1, le=WEEK_S)]
SilenceLimit = Annotated[float, Meta(ge=0, le=WEEK_S)]
"""0 is no limit."""
LogMib = Annotated[int, Meta(ge=1, le=1 << 20)]
Grace = Annotated[float, Meta(ge=0, le=3600)]
AgentName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
ExitCode = Annotated[
    str, Meta(pattern=r"^([1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-5])$")
]
"""From 1 to 255; 0 is success and nothing else. TOML's keys are strings."""
NamedFailure = Literal[
    "agent_error",
    "timeout",
    "deferred",
    "rate_limited",
    "auth",
    "setup",
    "over_budget",
]
"""What an agent can know of its own end; losses and cancellations are ours to see."""
VariableName = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


CALLABLE: Final = r"^([A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*)?$"


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every table of the file."""


class LeaseConfig(Section, frozen=True, kw_only=True):
    """When a lease is doubted, in beats of the link's heartbeat."""

    http_ttl_s: Annotated[float, Meta(ge=1, le=DAY_S)] = 1800.0
    heartbeat_s: Annotated[float, Meta(ge=0.05, le=600)] = 5.0
    warn_beats: Beats = 3
    stale_beats: Beats = 6
    dead_beats: Beats = 12


class WorkersConfig(Section, frozen=True, kw_only=True):
    """How worker processes are started, watched and stopped."""

    start_timeout_s: Interval = 10.0
    stop_timeout_s: Wait = 60.0
    grace_s: Grace = 10.0
    backoff_initial_s: Interval = 0.1
    backoff_max_s: Interval = 30.0
    healthy_s: Wait = 10.0
    fatal_failures: Annotated[int, Meta(ge=1, le=1_000)] = 5
    fatal_window_s: Interval = 60.0
    max_rss_mb: Annotated[int, Meta(ge=64, le=1 << 24)] | None = None
    """Of its own process, in MiB; a fresh one has some 40."""
    max_age_s: Annotated[float, Meta(ge=1, le=365 * DAY_S)] | None = None


class QueueConfig(Section, frozen=True, kw_only=True):
    """What a claim takes, and in which order."""

    max_runs_per_repo: Annotated[int, Meta(ge=0, le=1_000)] = 0
    """For runs in worktrees; 0 is no limit. In place it is always 1."""
    starvation_bound: Annotated[int, Meta(ge=1, le=1_000_000)] = 20


class RetriesConfig(Section, frozen=True, kw_only=True):
    """How long a ticket waits before it is tried again."""

    initial_s: Wait = 10.0
    factor: Annotated[float, Meta(ge=1, le=100)] = 2.0
    max_s: Annotated[float, Meta(ge=0, le=WEEK_S)] = 900.0
    jitter: Annotated[float, Meta(ge=0, le=1)] = 0.2


class LimitsConfig(Section, frozen=True, kw_only=True):
    """Defaults of every profile."""

    run_s: RunLimit = 3600.0
    silence_s: SilenceLimit = 900.0
    log_mib: LogMib = 64


GC_INTERVAL_S_MIN: Final = 60.0
"""It reads every folder of a run."""


class GcConfig(Section, frozen=True, kw_only=True):
    """What is freed by itself, and when: as ``kanbanctl gc`` does it."""

    every_s: Annotated[float, Meta(ge=0, le=366 * DAY_S)] = 0.0
    """0: never; what a person may still want to see is a person's to give up."""
    keep_s: Annotated[float, Meta(ge=0, le=36_600 * DAY_S)] = 30 * DAY_S
    keep_mib: Annotated[int, Meta(ge=0, le=1 << 40)] = 0
    """Of runs' folders; 0 is no limit."""


class ResourcesConfig(Section, frozen=True, kw_only=True):
    """What a profile's runs may take of the machine; unset: what the account may.

    The first three are for a whole run, the others for each process of it.
    """

    memory_mib: Annotated[int, Meta(ge=16, le=1 << 24)] | None = None
    processes: Annotated[int, Meta(ge=1, le=1 << 22)] | None = None
    """At a time, threads included: what TasksMax= counts. RLIMIT_NPROC would count all
    of the account's, other runs' and the user's own among them."""
    cpu_percent: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    """Of one processor; only a control group can hold it."""
    address_space_mib: Annotated[int, Meta(ge=64, le=1 << 30)] | None = None
    file_size_mib: Annotated[int, Meta(ge=1, le=1 << 30)] | None = None
    open_files: Annotated[int, Meta(ge=16, le=1 << 30)] | None = None
    nice: Annotated[int, Meta(ge=-20, le=19)] | None = None
    io_class: Literal["best-effort", "idle"] | None = None
    io_level: Annotated[int, Meta(ge=0, le=7)] | None = None
    """With ``best-effort``: 0 goes first."""
    oom_score_adj: Annotated[int, Meta(ge=-1000, le=1000)] | None = None
    """1000 is the first to go when memory is short: proc_pid_oom_score_adj(5)."""


class Profile(Section, frozen=True, kw_only=True):
    """What profiles of every kind have."""

    argv: tuple[str, ...] = ()
    """Empty: the ticket's instructions, written to a file, as ``sh -eu FILE``."""
    model: str = ""
    env: dict[VariableName, str] = {}
    env_pass: tuple[VariableName, ...] = ()
    worktree: bool = True
    on_success: Literal["review", "complete"] | None = None
    """Unset: ``review``, for kind ``python`` ``complete``."""
    expects_change: bool = False
    prompt_template: str = ""
    provider: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$|^$")] = ""
    """Whose rate limit it shares with other profiles; empty: its own alone."""
    exit_codes: dict[ExitCode, NamedFailure] = {}
    """What its exit statuses mean."""
    run_s: RunLimit | None = None
    silence_s: SilenceLimit | None = None
    log_mib: LogMib | None = None
    grace_s: Grace | None = None
    resources: ResourcesConfig = ResourcesConfig()


class AgentTable(Profile, frozen=True, kw_only=True):
    """One ``[agents.NAME]`` as people write it."""

    kind: Literal["shell", "python"] = "shell"
    callable: Annotated[str, Meta(pattern=CALLABLE)] = ""
    """Kind ``python``: ``package.module:function``."""


class AgentConfig(Profile, frozen=True, kw_only=True):
    """A profile, configured or built in."""

    kind: AgentKind = "shell"
    callable: str = ""
    """Kind ``python``: ``package.module:function``."""


class Settings(Section, frozen=True, kw_only=True):
    """What the file, the environment and the flags agree on, but for the profiles."""

    mode: Mode = "managed"
    worker_count: Annotated[int, Meta(ge=0, le=256)] = 1
    slots: Annotated[int, Meta(ge=1, le=256)] = 2
    default_agent: str = ""
    db_path: Annotated[str, Meta(min_length=1)] = "kanban.db"
    lease: LeaseConfig = LeaseConfig()
    workers: WorkersConfig = WorkersConfig()
    queue: QueueConfig = QueueConfig()
    retries: RetriesConfig = RetriesConfig()
    limits: LimitsConfig = LimitsConfig()
    gc: GcConfig = GcConfig()


class KanbanToml(Settings, frozen=True, kw_only=True):
    """The whole file."""

    agents: dict[AgentName, AgentTable] = {}


class Config(Settings, frozen=True, kw_only=True):
    """Everything, with defaults filled in."""

    agents: dict[str, AgentConfig] = {}
    """Every profile, the built-in ones included."""
    configured: frozenset[str] = frozenset()
    """Names of the profiles that come from the file."""
    defined_at: dict[str, str] = {}
    """Of each of these: file and line."""
    state_dir: Path = Path()
    """Absolute; from the command line or the environment, never from the file."""
    runtime_dir: Path = Path()
    config_file: Path | None = None
    """None: there is none, and the defaults hold."""
    units: UnitScope = ""
    """The systemd manager whose unit the daemon is; empty: of none."""

    @property
    def db_file(self) -> Path:
        """The store; absolute."""
        return self.state_dir / self.db_path
