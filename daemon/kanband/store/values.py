"""What the store's verbs take and give: their arguments and outcomes.

Frozen values, the same for both implementations. An outcome that is to be expected
(not found, stale epoch, locked) is one of them, not an exception.
"""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import msgspec

from kanban_ipc.control import (
    Deleted,
    InvalidTransition,
    NewTicket,
    NotFound,
    Refusal,
    Refused,
    StaleState,
    Ticket,
    TicketLocked,
)
from kanban_ipc.link import Result, Work
from kanban_ipc.words import (
    Epoch,
    LogLevel,
    QuestionKind,
    RunId,
    Sender,
    TicketState,
    WorkerId,
    WorkerState,
)
from kanband.core import retries
from kanband.core.cron import Missed
from kanband.core.landing import OnSuccess, Wish

RetryPolicy: TypeAlias = retries.RetryPolicy
"""``[retries]``; it is the core's, and named here because verbs take it."""


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """Base of arguments and outcomes."""


# ----------------------------------------------------------------- adding


class Added(Value, frozen=True):
    """Outcome of ``add`` for one ticket."""

    ticket: Ticket
    created: bool
    """False: its idempotency key was known; nothing was changed."""


class AddOutcome(Value, frozen=True):
    """All or nothing: ``added`` is empty when anything was refused."""

    added: list[Added]
    refused: list[Refusal]
    woke: bool
    boards: list[str] = []
    """Made for their first tickets."""


class NewSchedule(Value, frozen=True):
    """A template and its time table; both were looked at (``core.cron.fault``)."""

    cron: str
    zone: str
    """A name of the time zone database."""
    missed: Missed
    ticket: NewTicket


class Schedule(NewSchedule, frozen=True):
    """A template that makes a ticket at each due time."""

    id: int
    paused: bool
    next_at_ms: int | None
    last_ticket_id: int | None
    created_at_ms: int


# --------------------------------------------------------------- claiming


ANY: Final = "any"
"""What a ticket names that leaves its agent to the configuration."""


class AgentGate(Value, frozen=True):
    """What a claim must know of a profile."""

    in_place: bool = False
    """Runs in the repository itself, so one at a time for each repository."""
    provider: str = ""
    """Whose rate limit it shares with others; empty: its own alone."""


class ClaimPolicy(Value, frozen=True):
    """The configuration, as far as a claim depends on it."""

    default_agent: str
    """What ``any`` means; empty: a ticket for ``any`` is not claimable."""
    agents: Mapping[str, AgentGate]
    """Every profile. A ticket for another name is not claimable."""
    max_runs_per_repo: int = 0
    """For runs in worktrees; 0 is no limit."""
    starvation_bound: int = 20
    """Every so-many-th claim takes the oldest claimable ticket."""

    def provider(self, agent: str) -> str:
        """Whose rate limit holds for a profile; one of no provider is its own."""
        gate = self.agents.get(agent)
        return (gate.provider if gate else "") or agent


class Want(Value, frozen=True):
    """A worker's free slots, and what it may do."""

    worker_id: WorkerId
    count: int
    agents: frozenset[str] | None = None
    """None: every profile."""
    repo_path: str | None = None
    board: str | None = None
    labels: frozenset[str] = frozenset()
    """Only tickets that carry all of them."""


class Claim(Value, frozen=True):
    """A ticket in a worker's hands: state ``assigned``, lease set, run created."""

    run_id: RunId
    epoch: Epoch
    attempt: int
    worker_id: WorkerId
    agent: str
    """The profile's name, ``any`` resolved."""
    work: Work
    timeout_s: float | None
    """The ticket's own wall-time limit."""


class RunMark(Value, frozen=True):
    """How far a run's agent says it is."""

    run_id: RunId
    epoch: Epoch
    percent: int
    step: str = ""
    current_step: int = 0
    total_steps: int = 0


class Lease(Value, frozen=True):
    """A live run, as a starting daemon finds it."""

    run_id: RunId
    epoch: Epoch
    attempt: int
    worker_id: WorkerId
    agent: str
    started: bool
    """The ticket is ``working``; else ``assigned``."""
    cancel: Wish | None
    """A cancellation was accepted and must still be carried out."""
    last_seq: int
    """Highest reliable sequence number committed."""
    work: Work
    timeout_s: float | None
    mark: RunMark


# ------------------------------------------------------------ run's course


class RunStart(Value, frozen=True):
    """The agent runs."""

    run_id: RunId
    epoch: Epoch
    seq: int
    started_ms: int
    branch: str = ""
    worktree: str = ""
    head_before: str = ""


class RunLog(Value, frozen=True):
    run_id: RunId
    epoch: Epoch
    seq: int
    ts_ms: int
    level: LogLevel
    message: str


class RunQuestion(Value, frozen=True):
    """What a run's agent asks. It is asked of people when the run has ended."""

    run_id: RunId
    epoch: Epoch
    asked_ms: int
    kind: QuestionKind
    text: str
    choices: tuple[str, ...] = ()
    seq: int = 0
    """On the link; 0: it came over agent.sock, which has no numbers."""


class RunEnd(Value, frozen=True):
    """A run's result."""

    run_id: RunId
    epoch: Epoch
    seq: int
    ended_ms: int
    result: Result
    on_success: OnSuccess = "review"
    jitter: float = 0.0
    """In [-1, 1]; scaled by the retry policy."""
    provider: str = ""
    """Of the run's agent; empty: the agent is its own."""


class Landed(Value, frozen=True):
    """The result counts; the ticket is now in ``state``."""

    ticket_id: int
    state: TicketState
    worker_id: WorkerId
    retry_due_ms: int | None = None
    repeated: bool = False
    """It had landed before: nothing was changed now, acknowledge it."""


class Stale(Value, frozen=True):
    """The run or its epoch does not hold the ticket: journalled, nothing changed."""

    run_id: RunId
    epoch: Epoch


class SettleOutcome(Value, frozen=True):
    ends: list[Landed | Stale]
    """One for each argument, in order."""
    woke: bool
    """A ticket became claimable: its own retry, a dependent, the next of a repository
    or of a board with a limit."""
    next_due_ms: int | None
    """When ``promote`` should be called next."""


# ------------------------------------------------------------ user's moves

MoveRefusal: TypeAlias = (
    NotFound | InvalidTransition | StaleState | TicketLocked | Refused
)


class Moved(Value, frozen=True):
    ticket: Ticket
    woke: bool = False


class Cancelling(Value, frozen=True):
    """The ticket has a live run: the wish is committed, the run must be ended."""

    ticket: Ticket
    run_id: RunId
    epoch: Epoch
    worker_id: WorkerId


EditRefusal: TypeAlias = NotFound | TicketLocked | Refused


class Removed(Value, frozen=True):
    """A ticket that is no more."""

    deleted: Deleted
    woke: bool = False
    """Its turn in its repository went to another."""


BoardRefusal: TypeAlias = NotFound | Refused


# ----------------------------------------------------------------- workers


class WorkerRow(Value, frozen=True):
    """A worker as it is kept over restarts of the daemon."""

    worker_id: WorkerId
    wanted: Literal["run", "stop"] = "run"
    slots: int = 1
    agents: list[str] = []
    repo_path: str | None = None
    labels: list[str] = []
    state: WorkerState = "STOPPED"
    incarnation: str = ""
    secret_sha256: str = ""
    boot_id: str = ""
    pid: int = 0
    start_ticks: int = 0
    started_ms: int = 0
    restart_count: int = 0
    tickets_processed: int = 0
    """Kept by ``settle``; ``put_workers`` does not change it."""
    exit_code: int | None = None
    exit_signal: int | None = None
    exit_reason: str = ""
    exit_at_ms: int | None = None
    exit_lines: list[str] = []
    guest: bool = False
    """Started by somebody else: this daemon neither starts nor stops it."""


class Note(Value, frozen=True):
    """An entry for the journal that changes no ticket."""

    sender: Sender
    type: str
    payload: dict[str, str | int | float | bool | None]
    ticket_id: int | None = None
