"""What the store can do: its verbs, batch-first, each one transaction.

Two implementations obey this page and one conformance suite: ``sqlite`` (what runs)
and ``model`` (in memory, the oracle of tests and simulation). An outcome that is to
be expected (not found, stale epoch, locked) is a value; an exception is a failure of
the disk or a bug. Times are arguments: ``now_ms`` is wall time in integer
milliseconds UTC. Randomness is an argument too (``jitter`` in [-1, 1]).

``Verbs`` change things and run on the one writer; ``Reads`` run on read-only
connections and see only what is committed. A verb that may have made a ticket
claimable says so (``woke``), because nothing polls.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, Protocol, TypeAlias

import msgspec

from kanban_ipc.control import (
    BoardQueue,
    Deleted,
    Event,
    InvalidTransition,
    ListCall,
    NewTicket,
    NotFound,
    QueueInfo,
    Refusal,
    Refused,
    Run,
    RunsCall,
    StaleState,
    Ticket,
    TicketComment,
    TicketEdit,
    TicketLocked,
)
from kanban_ipc.link import Result, Work
from kanban_ipc.words import (
    Author,
    Column,
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
from kanband.core.cooldowns import CoolDown
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


class Verbs(Protocol):
    """Changes. One call, one transaction."""

    def add(
        self, tickets: Sequence[NewTicket], *, ready: bool, now_ms: int
    ) -> AddOutcome:
        """New tickets, in order; a known key gives the ticket it names.

        Unknown dependencies and keys are refused by position.
        """

    def claim(
        self,
        wants: Sequence[Want],
        policy: ClaimPolicy,
        *,
        run_ids: Sequence[RunId],
        now_ms: int,
    ) -> list[Claim]:
        """Tickets for free slots, in order of priority and age, fairly among wants.

        ``run_ids``: at least as many fresh ids as slots are wanted. Nothing is
        claimed while the queue (or the ticket's board) is paused, or the board has as
        many tickets in progress as its limit allows.
        """

    def start(self, starts: Sequence[RunStart], *, now_ms: int) -> list[bool]:
        """``assigned`` → ``working``. False: stale, nothing changed. Idempotent."""

    def log(self, lines: Sequence[RunLog]) -> list[bool]:
        """Execution log lines; idempotent by sequence number."""

    def say(self, lines: Sequence[RunLog]) -> list[Literal["kept", "stale", "full"]]:
        """Lines of the execution log that came over agent.sock, in order: their ``seq``
        counts for nothing. ``full``: the run has said ``LINES_SAID_MAX`` of them.
        """

    def mark(self, marks: Sequence[RunMark]) -> None:
        """Keep how far live runs are; what is not live stays as it is."""

    def ask(self, questions: Sequence[RunQuestion], *, now_ms: int) -> list[bool]:
        """Keep what live runs ask; the last question of a run stands. Idempotent.

        False: stale, nothing changed. What it does to the ticket is decided when the
        run ends.
        """

    def settle(
        self, ends: Sequence[RunEnd], retries: RetryPolicy, *, now_ms: int
    ) -> SettleOutcome:
        """Land results: the run's end, the ticket's next state, the lease's release.

        A recorded wish to cancel is stronger than any result. The same result of a run
        again is ``repeated``; another one of a run that has ended is stale.
        ``rate_limited`` has its provider cool down, and a success makes it forgotten.

        A run whose ticket is still ``assigned`` passes through ``working`` in the
        journal when its result says that the agent ran.
        """

    def transfer(self, runs: Mapping[RunId, WorkerId], *, now_ms: int) -> list[RunId]:
        """Give live runs to other workers (same epoch); returns those that moved."""

    def promote(self, *, now_ms: int) -> tuple[int, int | None]:
        """Wake tickets whose time has come, those of providers that have cooled down,
        and make those of schedules: (how many are claimable, next due time or None).
        """

    def move(
        self,
        ticket_id: int,
        to: Column,
        *,
        now_ms: int,
        expected: TicketState | None = None,
        reason: str = "",
    ) -> Moved | MoveRefusal:
        """A user's move of a ticket without a live run: ``core.tickets.USER``.

        ``Review → Done`` is ``completed`` for a ticket without a repository and
        ``approved`` for one with a repository; the next such move completes that.
        ``reason``: a person's own words for it.
        """

    def block(
        self, ticket_ids: Sequence[int], *, reason: str, now_ms: int
    ) -> list[Moved | MoveRefusal]:
        """Each to ``blocked``, with a person's reason; a new one replaces the old."""

    def edit(
        self, ticket_ids: Sequence[int], edit: TicketEdit, *, now_ms: int
    ) -> list[Moved | EditRefusal]:
        """Change fields, each ticket by itself: ``core.editing`` says what, when.

        What a ready ticket waits for is decided anew. Unknown dependencies and
        circles are refused; so is another repository for work that has begun.
        """

    def comment(
        self, ticket_ids: Sequence[int], body_md: str, *, author: Author, now_ms: int
    ) -> list[TicketComment | NotFound]:
        """The same words about each of the tickets."""

    def delete(
        self, ticket_ids: Sequence[int], *, now_ms: int
    ) -> list[Removed | EditRefusal]:
        """Forget tickets with their comments and runs, in the given order.

        Refused while a lease holds one, or another ticket depends on it. The journal
        keeps its entries; its number is never used again, its key may be.
        """

    def retry(
        self, ticket_ids: Sequence[int], *, fresh: bool, now_ms: int
    ) -> list[Moved | MoveRefusal]:
        """``failed``, ``blocked``, ``cancelled``, ``needs_input``, ``conflicted`` or
        ``in_review`` → ``ready`` at once, its attempts counted anew. A ``ready``
        ticket that waits for its retry becomes due now.
        """

    def cancel(
        self, ticket_ids: Sequence[int], *, requeue: bool, now_ms: int
    ) -> list[Moved | Cancelling | MoveRefusal]:
        """Cancel; with a live run, record the wish and return the run to end.

        From that commit on the ticket is not assigned again, whatever its run
        reports, unless ``requeue``.
        """

    def answer(self, ticket_id: int, text: str, *, now_ms: int) -> Moved | MoveRefusal:
        """``needs_input`` → ``ready`` at once, the answer kept for the next run's
        agent. Attempts go on being counted; none is used up.
        """

    def pause(self, *, paused: bool, board: str | None, now_ms: int) -> NotFound | bool:
        """Queue or board; True when something changed. Resuming wakes."""

    def add_board(
        self, name: str, *, position: int | None, wip_limit: int, now_ms: int
    ) -> Refused | bool:
        """A new, empty board at a place from 1 (None: the last); limit 0 is none."""

    def edit_board(
        self, name: str, *, position: int | None, wip_limit: int | None, now_ms: int
    ) -> NotFound | bool:
        """Another place, another limit; None: as it is. True when it is another."""

    def rename_board(self, name: str, to: str, *, now_ms: int) -> BoardRefusal | bool:
        """Its tickets, its place, its limit and its pause go with it."""

    def delete_board(self, name: str, *, now_ms: int) -> BoardRefusal | bool:
        """Only one without any ticket."""

    def put_workers(
        self, rows: Sequence[WorkerRow], notes: Sequence[Note], *, now_ms: int
    ) -> None:
        """Insert or replace worker rows, with what the journal shall say of it."""

    def drop_workers(self, worker_ids: Sequence[WorkerId], *, now_ms: int) -> None:
        """Forget workers (scaled away); their live runs must be transferred before."""

    def set_wanted_workers(self, count: int | None, *, now_ms: int) -> None:
        """``scale``: overrides ``worker_count``; None forgets it."""

    def add_schedule(self, new: NewSchedule, *, now_ms: int) -> Schedule:
        """Its first ticket is made at the first due time after now, by ``promote``."""

    def pause_schedule(
        self, schedule_id: int, *, paused: bool, now_ms: int
    ) -> Schedule | NotFound:
        """What falls due while it is paused is not made up for."""

    def remove_schedule(self, schedule_id: int, *, now_ms: int) -> Schedule | NotFound:
        """The tickets that it made stay."""

    def end_cooldown(self, provider: str, *, now_ms: int) -> bool:
        """A user does not want to wait for a provider: its tickets are claimable. Its
        row goes on being counted. False: it did not cool down.
        """

    def note(self, notes: Sequence[Note], *, now_ms: int) -> None:
        """Journal entries that change no ticket."""

    def prune_journal(self, up_to: int) -> int:
        """Entries up to this one are no longer kept; never the newest. Returns the new
        base: cursors before it have expired."""

    def unpark(self, *, now_ms: int) -> bool:
        """Limits, agents or the default agent changed: every ticket parked for its
        repository or its provider is looked at anew."""


class Reads(Protocol):
    """Questions; they change nothing.

    A ``Run`` has ``run_dir`` relative to the state directory, and its progress only as
    far as it follows from its state; the daemon knows more.
    """

    def ticket(self, ticket_id: int) -> Ticket | None: ...

    def tickets(self, query: ListCall) -> tuple[list[Ticket], int]:
        """A page, and how many there are in all."""

    def matching(self, query: ListCall) -> list[int]:
        """The numbers of every ticket that a query finds, in order of age; its page
        and its sorting do not matter."""

    def run(self, run_id: RunId) -> Run | None: ...

    def find_runs(self, text: str) -> list[Run]:
        """By id, unique beginning of one (at least 4 characters; up to 10 found), or a
        ticket's number for its latest.
        """

    def runs(self, query: RunsCall) -> list[Run]:
        """Newest first."""

    def run_log(self, run_id: RunId, *, limit: int) -> list[RunLog]: ...

    def leases(self) -> list[Lease]:
        """Every live run."""

    def workers(self) -> list[WorkerRow]: ...

    def wanted_workers(self) -> int | None: ...

    def queue(self) -> QueueInfo:
        """Counts; ``active_workers`` is 0 here, the daemon knows it."""

    def boards(self) -> list[BoardQueue]:
        """In their order."""

    def next_due_ms(self) -> int | None: ...

    def schedules(self) -> list[Schedule]:
        """By number."""

    def cooldowns(self) -> list[CoolDown]:
        """Providers that refused and have not worked since, by name."""

    def events(
        self,
        *,
        since: int,
        limit: int,
        ticket_id: int | None = None,
        types: Sequence[str] = (),
    ) -> list[Event]:
        """After the cursor, oldest first."""

    def last_seq(self) -> int:
        """The journal's head."""

    def journal_base(self) -> int:
        """Cursors below it have expired."""

    def journal_before(self, ts_ms: int) -> int:
        """The last of the entries, from the oldest on, that are older than this; never
        the newest of all. At least the base."""

    def blockers(self, ticket_id: int) -> list[Ticket]:
        """Uncompleted tickets it depends on."""

    def comments(
        self, ticket_id: int, *, limit: int
    ) -> tuple[list[TicketComment], int]:
        """The latest, oldest first; and how many there are."""

    def repo_holders(self, repo_path: str) -> list[Run]:
        """Live runs in a repository."""
