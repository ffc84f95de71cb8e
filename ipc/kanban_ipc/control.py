"""The control interface: its structs, one pair for each method of ``io.kanban``.

``io.kanban.varlink`` beside this file is the description people and foreign
clients read; ``tests/contract`` proves that the two are the same. Times are integer
milliseconds UTC (``*_ms``), durations seconds (``*_s``). In calls, an unknown field
is an error; in replies it is ignored, so that an older client understands a newer
daemon.
"""

from typing import Any, Final, Literal, NamedTuple

import msgspec

from kanban_ipc.words import (
    Activity,
    AgentKind,
    Applies,
    Author,
    Column,
    FailureClass,
    LogLevel,
    Priority,
    Proof,
    QuestionKind,
    RunStatus,
    Sender,
    Staleness,
    TaskType,
    TicketState,
    WorkerState,
)

INTERFACE: Final = "io.kanban"


class Call(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of a method's parameters."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """Base of a method's reply."""


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what replies are made of."""


# ---------------------------------------------------------------------- data


class DaemonInfo(Data, frozen=True, kw_only=True):
    pid: int
    version: str
    mode: str
    state: Literal["starting", "running", "draining", "stopping"]
    started_at_ms: int
    uptime_s: float
    healthy: bool
    problems: list[str]
    """Why it is not healthy, and what needs attention; each names the next step."""
    spawner_pid: int | None
    state_dir: str


class Cooling(Data, frozen=True, kw_only=True):
    """A provider that refused (rate limit); nothing of it begins before its time."""

    provider: str
    in_a_row: int
    """How often it refused since it last worked."""
    until_ms: int


class QueueInfo(Data, frozen=True, kw_only=True):
    depth: int
    """Ready tickets, the waiting ones included."""
    waiting: int
    """Of these: waiting for a time, a dependency, their repository, their board or
    their provider."""
    backlog: int
    ready: int
    in_progress: int
    blocked: int
    review: int
    done: int
    cancelled: int
    active_workers: int
    paused: bool
    paused_boards: list[str] = []
    """Boards that are paused by themselves."""
    cooling: list[Cooling] = []
    """Providers that cool down now."""


class CurrentRun(Data, frozen=True, kw_only=True):
    ticket_id: int
    run_id: str
    title: str
    progress: int
    stale: Staleness
    running_s: float
    step: str = ""
    current_step: int = 0
    total_steps: int = 0


class LastExit(Data, frozen=True, kw_only=True):
    code: int | None
    signal: int | None
    reason: str
    at_ms: int
    last_lines: list[str]
    """The end of its stderr, oldest first."""


class WorkerInfo(Data, frozen=True, kw_only=True):
    worker_id: str
    pid: int | None
    host: str
    state: WorkerState
    activity: Activity | None
    wanted: Literal["run", "stop"]
    connected: bool
    slots: int
    uptime_s: float | None
    restart_count: int
    tickets_processed: int
    current: list[CurrentRun]
    last_heartbeat_age_s: float | None
    next_start_in_s: float | None
    """In BACKOFF: until the next attempt."""
    last_exit: LastExit | None
    rss_bytes: int | None
    cpu_percent: float | None
    agents: list[str]
    """Agents it is restricted to; empty is all."""
    repo: str | None
    by_hand: bool = False
    """Somebody else started it, and it is his to stop and to start again."""
    labels: list[str] = []
    """It takes only tickets that carry all of them."""


class StopProof(Data, frozen=True, kw_only=True):
    worker_id: str
    state: WorkerState
    signalled: list[str]
    """Each step taken, in order: ``drain``, ``SIGTERM 123``, ``SIGKILL 123`` …"""
    escalated: bool
    survivors: list[int]
    runs_ended: list[str]
    proof: Proof


class NewTicket(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    title: str
    description_md: str = ""
    instructions: str = ""
    board: str = "main"
    repo_path: str | None = None
    base_branch: str | None = None
    agent: str = "any"
    model: str | None = None
    priority: Priority | None = None
    priority_number: int | None = None
    """1 to 10, 10 first; instead of ``priority``."""
    labels: list[str] = []
    task_type: TaskType = "general"
    depends_on: list[int] = []
    depends_on_keys: list[str] = []
    """Dependencies named by idempotency key; they may be earlier in the same import."""
    scheduled_at_ms: int | None = None
    timeout_s: float | None = None
    estimated_duration_s: float | None = None
    max_retries: int | None = None
    key: str | None = None
    """Idempotency key: the same key is the same ticket."""


Clearable = Literal[
    "description_md",
    "instructions",
    "repo_path",
    "base_branch",
    "model",
    "labels",
    "depends_on",
    "scheduled_at_ms",
    "timeout_s",
    "estimated_duration_s",
    "actual_duration_s",
]
"""Fields of a ticket that may be without a value."""


class TicketEdit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What shall be different; what is absent stays as it is."""

    title: str | None = None
    description_md: str | None = None
    instructions: str | None = None
    board: str | None = None
    repo_path: str | None = None
    base_branch: str | None = None
    agent: str | None = None
    model: str | None = None
    priority: Priority | None = None
    priority_number: int | None = None
    """1 to 10, 10 first; instead of ``priority``."""
    task_type: TaskType | None = None
    scheduled_at_ms: int | None = None
    timeout_s: float | None = None
    estimated_duration_s: float | None = None
    actual_duration_s: float | None = None
    max_retries: int | None = None
    add_labels: list[str] = []
    remove_labels: list[str] = []
    add_depends_on: list[int] = []
    remove_depends_on: list[int] = []
    clear: list[Clearable] = []
    """Fields to be emptied; before anything is added to them."""


class Upcoming(Data, frozen=True, kw_only=True):
    at_ms: int


class ScheduleInfo(Data, frozen=True, kw_only=True):
    """A template that makes a ticket at each due time."""

    id: int
    cron: str
    zone: str
    missed: Literal["once", "skip"]
    paused: bool
    ticket: NewTicket
    upcoming: list[Upcoming]
    """The next due times; none while it is paused."""
    last_ticket_id: int | None
    created_at_ms: int


class Question(Data, frozen=True, kw_only=True):
    """What an agent asked before it ended its run."""

    kind: QuestionKind
    text: str
    choices: list[str]
    """What it expects to be answered; empty: anything."""
    asked_at_ms: int
    answer: str | None
    answered_at_ms: int | None


class Ticket(Data, frozen=True, kw_only=True):
    id: int
    board: str
    title: str
    description_md: str
    instructions: str
    state: TicketState
    column: Column
    priority: Priority
    priority_number: int
    labels: list[str]
    task_type: TaskType
    repo_path: str | None
    base_branch: str | None
    branch: str | None
    worktree: str | None
    agent: str
    model: str | None
    max_retries: int
    retry_count: int
    due_at_ms: int | None
    scheduled_at_ms: int | None
    depends_on: list[int]
    timeout_s: float | None
    estimated_duration_s: float | None
    actual_duration_s: float | None
    epoch: int
    run_id: str | None
    """The run that holds its lease."""
    worker_id: str | None
    waits_for: Literal["due", "depends", "repo", "wip", "cooldown"] | None
    reason: str
    """Why it is in its state, in a sentence; may be empty."""
    failure: FailureClass | None
    key: str | None
    created_at_ms: int
    updated_at_ms: int
    state_changed_at_ms: int
    started_at_ms: int | None
    completed_at_ms: int | None
    question: Question | None = None
    """What it needs to be told, in ``needs_input``."""


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


class TicketComment(Data, frozen=True, kw_only=True):
    id: int
    ticket_id: int
    author: Author
    body_md: str
    created_at_ms: int


class Denial(Data, frozen=True, kw_only=True):
    """One of several tickets for which a wish was refused; the others got theirs."""

    ticket_id: int
    error: str
    """The name of the error that it would have been alone."""
    message: str


class Deleted(Data, frozen=True, kw_only=True):
    """What is gone, and what is left of it."""

    ticket_id: int
    title: str
    runs: list[str]
    """Forgotten with it; what they wrote stays on disk under these names."""
    branch: str | None
    """Its work stays there."""
    worktree: str | None


class Event(Data, frozen=True, kw_only=True):
    seq: int
    ts_ms: int
    sender: Sender
    type: str
    ticket_id: int | None
    payload: dict[str, str | int | float | bool | None]


class Reason(Data, frozen=True, kw_only=True):
    code: str
    text: str
    """What holds the ticket, and the next step."""
    next_try_ms: int | None


class Refusal(Data, frozen=True, kw_only=True):
    index: int
    """Position in the call, from 0."""
    title: str
    reason: str


class BoardQueue(Data, frozen=True, kw_only=True):
    board: str
    paused: bool
    backlog: int
    ready: int
    in_progress: int
    blocked: int
    review: int
    done: int
    position: int = 1
    """Its place among the boards, from 1."""
    wip_limit: int | None = None
    """How many of its tickets may be in progress."""


class BoardColumn(Data, frozen=True, kw_only=True):
    column: Column
    total: int
    tickets: list[Ticket]
    """The first of them: by priority and age; in Done, the latest."""


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


class Finding(Data, frozen=True, kw_only=True):
    check: str
    """What was looked at, such as ``store``."""
    level: Literal["ok", "note", "wrong"]
    text: str
    mend: str
    """The command that mends it; empty: nothing is to be done."""


class Freed(Data, frozen=True, kw_only=True):
    kind: str
    """``run``, ``worktree``, ``log``."""
    path: str
    size_bytes: int
    text: str
    """Whose it was."""


class Kept(Data, frozen=True, kw_only=True):
    kind: str
    path: str
    reason: str


class ConfigChange(Data, frozen=True, kw_only=True):
    key: str
    """As in the file, with dots: ``agents.fixer.run_s``."""
    before: str | None
    """As TOML has it; absent: it was not set."""
    after: str | None
    applies: Applies


# ------------------------------------------------------------------- methods


class StatusCall(Call, frozen=True, kw_only=True):
    workers: list[str] = []
    """Only these; empty is all."""


class StatusReply(Reply, frozen=True, kw_only=True):
    daemon: DaemonInfo
    queue: QueueInfo
    workers: list[WorkerInfo]


class StartWorkerCall(Call, frozen=True, kw_only=True):
    worker_id: str | None = None
    count: int = 1
    slots: int | None = None
    agents: list[str] = []
    repo: str | None = None
    labels: list[str] = []
    """Only tickets that carry all of them."""
    wait: bool = True


class WorkersReply(Reply, frozen=True, kw_only=True):
    workers: list[WorkerInfo]


class StopWorkerCall(Call, frozen=True, kw_only=True):
    worker_ids: list[str] = []
    all: bool = False
    now: bool = False
    wait: bool = True


class StoppedReply(Reply, frozen=True, kw_only=True):
    stopped: list[StopProof]


class RestartWorkerCall(Call, frozen=True, kw_only=True):
    worker_ids: list[str] = []
    all: bool = False
    now: bool = False
    wait: bool = True


class RestartedReply(Reply, frozen=True, kw_only=True):
    workers: list[WorkerInfo]
    stopped: list[StopProof]


class ScaleCall(Call, frozen=True, kw_only=True):
    count: int
    now: bool = False
    wait: bool = True


class WorkersCall(Call, frozen=True, kw_only=True):
    pass


class ResetFailedCall(Call, frozen=True, kw_only=True):
    worker_ids: list[str] = []
    """Empty is every FATAL worker."""


class LogsCall(Call, frozen=True, kw_only=True):
    source: str
    """A worker's id, or ``daemon``."""
    lines: int = 100
    follow: bool = False


class TextReply(Reply, frozen=True, kw_only=True):
    text: str


class AddCall(Call, frozen=True, kw_only=True):
    ticket: NewTicket
    ready: bool = False


class AddReply(Reply, frozen=True, kw_only=True):
    id: int
    created: bool
    """False: the key was known, this is the ticket it names."""
    ticket: Ticket
    notes: list[str]
    """What the user should know, such as that no worker can do it now."""


class ImportCall(Call, frozen=True, kw_only=True):
    tickets: list[NewTicket]
    ready: bool = False


class ImportReply(Reply, frozen=True, kw_only=True):
    ids: list[int]
    """In the order of the call; all or nothing: empty when anything was refused."""
    created: int
    refused: list[Refusal]
    known: list[int] = []
    """Those of ``ids`` that their keys named already; they are unchanged."""
    notes: list[str] = []
    """As ``AddReply`` has them, for all of them."""


class ExportCall(Call, frozen=True, kw_only=True):
    board: str | None = None
    states: list[TicketState] = []
    columns: list[Column] = []
    repo: str | None = None
    agent: str | None = None
    label: str | None = None
    done: bool = False
    """Completed and cancelled tickets too when no state is named."""


class ExportReply(Reply, frozen=True, kw_only=True):
    tickets: list[Ticket]
    """In order of age, texts whole."""


class ListCall(Call, frozen=True, kw_only=True):
    board: str | None = None
    states: list[TicketState] = []
    columns: list[Column] = []
    repo: str | None = None
    agent: str | None = None
    labels: list[str] = []
    """Tickets that carry all of them."""
    text: str | None = None
    """In the title, the description or the instructions; ASCII letters in any case."""
    cancelled: bool = False
    """Include cancelled tickets when no state is named."""
    sort: Literal["id", "priority", "updated", "created", "state", "title", "due"] = (
        "id"
    )
    """``priority`` is the order of claims; ``due`` has those without a time last."""
    descending: bool = False
    limit: int = 100
    offset: int = 0


class ListReply(Reply, frozen=True, kw_only=True):
    tickets: list[Ticket]
    total: int


class ShowCall(Call, frozen=True, kw_only=True):
    id: int


class ShowReply(Reply, frozen=True, kw_only=True):
    ticket: Ticket
    runs: list[Run]
    """Newest first."""
    comments: list[TicketComment] = []
    """Oldest first; of many, the latest."""
    comments_count: int = 0


class EditCall(Call, frozen=True, kw_only=True):
    ids: list[int]
    edit: TicketEdit


class ChangedReply(Reply, frozen=True, kw_only=True):
    tickets: list[Ticket]
    """Those that were granted their wish, as they are now."""
    refused: list[Denial] = []
    """The others; with one ticket alone a refusal is an error."""
    notes: list[str] = []
    """As ``AddReply`` has them."""


class CommentCall(Call, frozen=True, kw_only=True):
    ids: list[int]
    body_md: str
    author: Author = "user"


class CommentReply(Reply, frozen=True, kw_only=True):
    comments: list[TicketComment]
    refused: list[Denial] = []
    """As ``ChangedReply`` has them."""


class BlockCall(Call, frozen=True, kw_only=True):
    ids: list[int]
    reason: str
    """Shown by ``Why``."""
    cancel: bool = False
    """Cancel live runs first."""


class DeleteCall(Call, frozen=True, kw_only=True):
    ids: list[int]


class DeleteReply(Reply, frozen=True, kw_only=True):
    deleted: list[Deleted]
    refused: list[Denial] = []
    """As ``ChangedReply`` has them."""


class TicketReply(Reply, frozen=True, kw_only=True):
    ticket: Ticket


class TicketsReply(Reply, frozen=True, kw_only=True):
    tickets: list[Ticket]


class ReadyCall(Call, frozen=True, kw_only=True):
    ids: list[int]


class MoveCall(Call, frozen=True, kw_only=True):
    id: int
    to: Column
    cancel: bool = False
    """Cancel the live run first, if there is one."""


class RetryCall(Call, frozen=True, kw_only=True):
    ids: list[int]
    fresh: bool = False


class AnswerCall(Call, frozen=True, kw_only=True):
    id: int
    text: str
    free: bool = False
    """Whether it may be none of the choices that the question names."""


class CancelCall(Call, frozen=True, kw_only=True):
    ids: list[int]
    requeue: bool = False
    """The run only: the ticket becomes Ready again."""
    wait: bool = True


class CancelledReply(Reply, frozen=True, kw_only=True):
    tickets: list[Ticket]
    runs: list[Run]
    """The runs that were ended for it, with their level of proof."""


class WhyCall(Call, frozen=True, kw_only=True):
    id: int


class WhyReply(Reply, frozen=True, kw_only=True):
    ticket: Ticket
    reasons: list[Reason]


class WaitCall(Call, frozen=True, kw_only=True):
    ids: list[int]
    states: list[TicketState] = []
    """Empty: until the ticket rests (Review, Done or Blocked)."""
    patience_s: float | None = None
    """Answer after so long in any case; 0 only looks."""


class WaitReply(Reply, frozen=True, kw_only=True):
    tickets: list[Ticket]
    reached: bool = True
    """False: the patience is at its end."""
    notes: list[str] = []
    """What those wait for that are not there and do not run, and the next step."""


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


class LogLine(Data, frozen=True, kw_only=True):
    ts_ms: int
    level: LogLevel
    message: str


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


class EventsCall(Call, frozen=True, kw_only=True):
    since: int | None = None
    """Events after this cursor; absent: with ``follow`` the new ones only, else the
    last ``limit``."""
    ticket_id: int | None = None
    types: list[str] = []
    follow: bool = False
    limit: int = 100


class EventsReply(Reply, frozen=True, kw_only=True):
    events: list[Event]
    cursor: int
    """Pass it as ``since`` to go on without a gap."""


class QueueStatusCall(Call, frozen=True, kw_only=True):
    board: str | None = None
    """Only this one among ``boards``; absent: every one."""


class BoardCall(Call, frozen=True, kw_only=True):
    name: str | None = None
    """Absent: the first."""
    limit: int = 20
    """Tickets of each column."""


class BoardReply(Reply, frozen=True, kw_only=True):
    board: BoardQueue
    columns: list[BoardColumn]


class BoardsListCall(Call, frozen=True, kw_only=True):
    pass


class BoardsAddCall(Call, frozen=True, kw_only=True):
    name: str
    position: int | None = None
    """Absent: the last."""
    wip_limit: int = 0
    """0 is no limit."""


class BoardsEditCall(Call, frozen=True, kw_only=True):
    name: str
    position: int | None = None
    wip_limit: int | None = None
    """0 is no limit."""


class BoardsRenameCall(Call, frozen=True, kw_only=True):
    name: str
    to: str


class BoardsDeleteCall(Call, frozen=True, kw_only=True):
    name: str


class BoardsReply(Reply, frozen=True, kw_only=True):
    boards: list[BoardQueue]
    """All of them, in their order."""


class QueueReply(Reply, frozen=True, kw_only=True):
    queue: QueueInfo
    boards: list[BoardQueue]
    notes: list[str] = []
    """After ``QueueResume``: what still keeps tickets from being begun."""


class QueuePauseCall(Call, frozen=True, kw_only=True):
    board: str | None = None


class QueueResumeCall(Call, frozen=True, kw_only=True):
    board: str | None = None
    provider: str | None = None
    """End this provider's cool-down instead of a pause."""


class ScheduleAddCall(Call, frozen=True, kw_only=True):
    cron: str
    """Minute, hour, day of the month, month, day of the week."""
    ticket: NewTicket
    zone: str = "UTC"
    """A name of the time zone database, such as Europe/Berlin."""
    missed: Literal["once", "skip"] = "once"
    """What becomes of due times at which nothing could be made."""


class ScheduleReply(Reply, frozen=True, kw_only=True):
    schedule: ScheduleInfo


class ScheduleListCall(Call, frozen=True, kw_only=True):
    pass


class ScheduleListReply(Reply, frozen=True, kw_only=True):
    schedules: list[ScheduleInfo]


class ScheduleShowCall(Call, frozen=True, kw_only=True):
    id: int


class SchedulePauseCall(Call, frozen=True, kw_only=True):
    id: int


class ScheduleResumeCall(Call, frozen=True, kw_only=True):
    id: int


class ScheduleRemoveCall(Call, frozen=True, kw_only=True):
    id: int


class DrainCall(Call, frozen=True, kw_only=True):
    wait: bool = True


class ShutdownCall(Call, frozen=True, kw_only=True):
    now: bool = False
    keep_workers: bool = False
    """Hand over: leave workers and runs to the next daemon."""


class ReloadCall(Call, frozen=True, kw_only=True):
    pass


class ReloadReply(Reply, frozen=True, kw_only=True):
    config_file: str | None
    """Absent: there is none, and the defaults hold."""
    changes: list[ConfigChange]
    notes: list[str]
    """What is left to be done for them."""


class AgentsCall(Call, frozen=True, kw_only=True):
    pass


class AgentsReply(Reply, frozen=True, kw_only=True):
    agents: list[AgentInfo]
    """Configured ones first."""
    default_agent: str | None
    """What ``any`` means; absent: nothing says it."""
    default_reason: str


class DoctorCall(Call, frozen=True, kw_only=True):
    pass


class DoctorReply(Reply, frozen=True, kw_only=True):
    version: str
    """Of what is installed."""
    state_dir: str
    daemon_runs: bool
    """A process holds the state directory."""
    findings: list[Finding]
    unchecked: list[str]
    """What could not be looked at, and why."""


class BackupCall(Call, frozen=True, kw_only=True):
    path: str
    """Absolute; of a file that is not there."""


class BackupReply(Reply, frozen=True, kw_only=True):
    path: str
    size_bytes: int
    tickets: int
    last_seq: int
    """The journal's head at the moment that was copied."""


class GcCall(Call, frozen=True, kw_only=True):
    dry_run: bool = False
    keep_s: float = 2_592_000.0
    """Everything that is younger stays; the default is 30 days."""
    keep_bytes: int | None = None
    """Of runs; beyond it the oldest go although they are younger."""


class GcReply(Reply, frozen=True, kw_only=True):
    dry_run: bool
    freed: list[Freed]
    """With ``dry_run``: what would be."""
    kept: list[Kept]
    """What nobody needs, and stays for a reason."""
    freed_bytes: int
    journal_entries: int
    """That went, or would go."""
    journal_base: int
    """Cursors before it have expired."""


class DoneReply(Reply, frozen=True, kw_only=True):
    message: str


class Method(NamedTuple):
    """One method of the interface."""

    call: type[Call]
    reply: type[Reply]
    streams: bool = False
    """May be called with ``more``."""


METHODS: Final[dict[str, Method]] = {
    "Status": Method(StatusCall, StatusReply),
    "Workers": Method(WorkersCall, WorkersReply),
    "StartWorker": Method(StartWorkerCall, WorkersReply),
    "StopWorker": Method(StopWorkerCall, StoppedReply),
    "RestartWorker": Method(RestartWorkerCall, RestartedReply),
    "Scale": Method(ScaleCall, RestartedReply),
    "ResetFailed": Method(ResetFailedCall, WorkersReply),
    "Logs": Method(LogsCall, TextReply, streams=True),
    "Add": Method(AddCall, AddReply),
    "Import": Method(ImportCall, ImportReply),
    "Export": Method(ExportCall, ExportReply, streams=True),
    "List": Method(ListCall, ListReply),
    "Show": Method(ShowCall, ShowReply),
    "Ready": Method(ReadyCall, TicketsReply),
    "Move": Method(MoveCall, TicketReply),
    "Edit": Method(EditCall, ChangedReply),
    "Comment": Method(CommentCall, CommentReply),
    "Block": Method(BlockCall, ChangedReply),
    "Delete": Method(DeleteCall, DeleteReply),
    "Retry": Method(RetryCall, TicketsReply),
    "Answer": Method(AnswerCall, TicketReply),
    "Cancel": Method(CancelCall, CancelledReply),
    "Why": Method(WhyCall, WhyReply),
    "Wait": Method(WaitCall, WaitReply),
    "Runs": Method(RunsCall, RunsReply),
    "RunShow": Method(RunShowCall, RunShowReply),
    "RunLogs": Method(RunLogsCall, RunLogsReply, streams=True),
    "RunDiff": Method(RunDiffCall, TextReply, streams=True),
    "RunCancel": Method(RunCancelCall, RunReply),
    "Events": Method(EventsCall, EventsReply, streams=True),
    "Board": Method(BoardCall, BoardReply),
    "BoardsList": Method(BoardsListCall, BoardsReply),
    "BoardsAdd": Method(BoardsAddCall, BoardsReply),
    "BoardsEdit": Method(BoardsEditCall, BoardsReply),
    "BoardsRename": Method(BoardsRenameCall, BoardsReply),
    "BoardsDelete": Method(BoardsDeleteCall, BoardsReply),
    "QueueStatus": Method(QueueStatusCall, QueueReply),
    "QueuePause": Method(QueuePauseCall, QueueReply),
    "QueueResume": Method(QueueResumeCall, QueueReply),
    "Reload": Method(ReloadCall, ReloadReply),
    "Agents": Method(AgentsCall, AgentsReply),
    "Doctor": Method(DoctorCall, DoctorReply),
    "Backup": Method(BackupCall, BackupReply),
    "Gc": Method(GcCall, GcReply),
    "ScheduleAdd": Method(ScheduleAddCall, ScheduleReply),
    "ScheduleList": Method(ScheduleListCall, ScheduleListReply),
    "ScheduleShow": Method(ScheduleShowCall, ScheduleReply),
    "SchedulePause": Method(SchedulePauseCall, ScheduleReply),
    "ScheduleResume": Method(ScheduleResumeCall, ScheduleReply),
    "ScheduleRemove": Method(ScheduleRemoveCall, ScheduleReply),
    "Drain": Method(DrainCall, DoneReply),
    "Shutdown": Method(ShutdownCall, DoneReply),
}


# -------------------------------------------------------------------- errors


class NotFound(Data, frozen=True, kw_only=True):
    """No such ticket, run, worker, board or agent."""

    what: str
    message: str


class InvalidTransition(Data, frozen=True, kw_only=True):
    state: str
    to: str
    message: str


class StaleState(Data, frozen=True, kw_only=True):
    expected: str
    found: str
    message: str


class TicketLocked(Data, frozen=True, kw_only=True):
    ticket_id: int
    run_id: str
    message: str


class Refused(Data, frozen=True, kw_only=True):
    """A well-formed wish that cannot be granted now; the message says why and what to
    do.
    """

    message: str


class InvalidArgument(Data, frozen=True, kw_only=True):
    """A field of a well-formed call has a value it may not have."""

    field: str
    message: str


class NotPermitted(Data, frozen=True, kw_only=True):
    message: str


class CursorExpired(Data, frozen=True, kw_only=True):
    base: int
    message: str


class ShuttingDown(Data, frozen=True, kw_only=True):
    message: str


class StoreFailed(Data, frozen=True, kw_only=True):
    """The disk or the database refused; nothing was acknowledged."""

    message: str


ControlError = (
    NotFound
    | InvalidTransition
    | StaleState
    | TicketLocked
    | Refused
    | InvalidArgument
    | NotPermitted
    | CursorExpired
    | ShuttingDown
    | StoreFailed
)

ERRORS: Final[dict[str, type[Data]]] = {
    kind.__name__: kind
    for kind in (
        NotFound,
        InvalidTransition,
        StaleState,
        TicketLocked,
        Refused,
        InvalidArgument,
        NotPermitted,
        CursorExpired,
        ShuttingDown,
        StoreFailed,
    )
}
