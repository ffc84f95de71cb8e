"""Runs: what became of them, what they wrote and changed, and their end."""

from typing import Any, Final, Literal

from kanban_ipc.control.base import Call, Data, Method, Reply, TextReply
from kanban_ipc.control.tickets import Question
from kanban_ipc.words import FailureClass, LogLevel, Proof, RunStatus


class Run(Data, frozen=True, kw_only=True):
    id: str
    ticket_id: int
    title: str
    epoch: int
    attempt: int
    worker_id: str
    agent: str
    status: RunStatus
    failure: FailureClass | None
    message: str
    exit_code: int | None
    signal: int | None
    summary_md: str
    progress: int
    step: str
    branch: str | None
    worktree: str | None
    head_before: str | None
    head_after: str | None
    files_changed: list[str]
    """``M path``, as ``git diff --name-status`` has it."""
    files_changed_count: int
    insertions: int
    deletions: int
    output_bytes: int
    log_cut: bool
    leftovers_killed: int
    proof: Proof
    cpu_ms: int
    rss_max_bytes: int
    run_dir: str
    queued_at_ms: int
    started_at_ms: int | None
    ended_at_ms: int | None
    duration_s: float | None
    current_step: int = 0
    """0: not said."""
    total_steps: int = 0
    """0: not said."""
    question: Question | None = None
    """What its agent asked last."""


class LogLine(Data, frozen=True, kw_only=True):
    ts_ms: int
    level: LogLevel
    message: str


class RunsCall(Call, frozen=True, kw_only=True):
    ticket_id: int | None = None
    worker_id: str | None = None
    status: RunStatus | None = None
    limit: int = 50


class RunsReply(Reply, frozen=True, kw_only=True):
    runs: list[Run]


class RunShowCall(Call, frozen=True, kw_only=True):
    run: str
    """A run's id, the unique beginning of one, or a ticket's number for its latest."""


class RunShowReply(Reply, frozen=True, kw_only=True):
    run: Run
    log: list[LogLine]
    result: dict[str, Any] | None = None
    """What a call of kind ``python`` returned: ``output`` and ``metrics``."""


class RunLogsCall(Call, frozen=True, kw_only=True):
    run: str
    stream: Literal["stdout", "stderr", "all"] = "all"
    follow: bool = False
    lines: int | None = None
    """Only the last lines; absent is everything kept."""


class RunLogsReply(Reply, frozen=True, kw_only=True):
    stream: Literal["stdout", "stderr"]
    text: str
    """Bytes that are not UTF-8 are replaced."""


class RunDiffCall(Call, frozen=True, kw_only=True):
    run: str


class RunCancelCall(Call, frozen=True, kw_only=True):
    run: str
    requeue: bool = False
    wait: bool = True


class RunReply(Reply, frozen=True, kw_only=True):
    run: Run


PART: Final[dict[str, Method]] = {
    "Runs": Method(RunsCall, RunsReply),
    "RunShow": Method(RunShowCall, RunShowReply),
    "RunLogs": Method(RunLogsCall, RunLogsReply, streams=True),
    "RunDiff": Method(RunDiffCall, TextReply, streams=True),
    "RunCancel": Method(RunCancelCall, RunReply),
}
