"""The daemon itself: its log, its configuration, its agents, its end."""

from typing import Final, Literal

from kanban_ipc.control.base import Call, Data, Method, Reply, TextReply
from kanban_ipc.words import AgentKind, Applies


class LogsCall(Call, frozen=True, kw_only=True):
    source: str
    """A worker's id, or ``daemon``."""
    lines: int = 100
    follow: bool = False


class AgentInfo(Data, frozen=True, kw_only=True):
    name: str
    kind: AgentKind
    program: str
    """The first word of what it runs, or a callable's name."""
    path: str | None
    """Where the program was found; absent: nowhere, or it is not known before a run."""
    problem: str
    """Why it cannot be started, and the next step; empty: nothing is known."""
    configured_at: str | None
    """File and line; absent: it is built in."""
    is_default: bool
    model: str
    worktree: bool
    on_success: Literal["review", "complete"]
    run_s: float
    silence_s: float
    log_bytes: int
    grace_s: float


class AgentsCall(Call, frozen=True, kw_only=True):
    pass


class AgentsReply(Reply, frozen=True, kw_only=True):
    agents: list[AgentInfo]
    """Configured ones first."""
    default_agent: str | None
    """What ``any`` means; absent: nothing says it."""
    default_reason: str


class ConfigChange(Data, frozen=True, kw_only=True):
    key: str
    """As in the file, with dots: ``agents.fixer.run_s``."""
    before: str | None
    """As TOML has it; absent: it was not set."""
    after: str | None
    applies: Applies


class ReloadCall(Call, frozen=True, kw_only=True):
    pass


class ReloadReply(Reply, frozen=True, kw_only=True):
    config_file: str | None
    """Absent: there is none, and the defaults hold."""
    changes: list[ConfigChange]
    notes: list[str]
    """What is left to be done for them."""


class DrainCall(Call, frozen=True, kw_only=True):
    wait: bool = True


class ShutdownCall(Call, frozen=True, kw_only=True):
    now: bool = False
    keep_workers: bool = False
    """Hand over: leave workers and runs to the next daemon."""


class UpgradeCall(Call, frozen=True, kw_only=True):
    pass


class UpgradeReply(Reply, frozen=True, kw_only=True):
    version: str
    """That ran until now."""
    installed: str
    """That takes over in the same process."""
    pid: int
    started_at_ms: int
    """Of the daemon that answers: one with another is its successor."""


class DoneReply(Reply, frozen=True, kw_only=True):
    message: str


PART: Final[dict[str, Method]] = {
    "Logs": Method(LogsCall, TextReply, streams=True),
    "Reload": Method(ReloadCall, ReloadReply),
    "Agents": Method(AgentsCall, AgentsReply),
    "Drain": Method(DrainCall, DoneReply),
    "Upgrade": Method(UpgradeCall, UpgradeReply),
    "Shutdown": Method(ShutdownCall, DoneReply),
}
