"""What the store can do: its verbs, batch-first, each one transaction.

Two implementations obey this page and one conformance suite: ``sqlite`` (what runs)
and ``model`` (in memory, the oracle of tests and simulation). An outcome that is to
be expected (not found, stale epoch, locked) is a value; an exception is a failure of
the disk or a bug. Times are arguments: ``now_ms`` is wall time in integer
milliseconds UTC. Randomness is an argument too (``jitter`` in [-1, 1]).

``Verbs`` change things and run on the one writer; what they take and give is in
``values``, what is only asked in ``questions``. A verb that may have made a ticket
claimable says so (``woke``), because nothing polls.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from kanban_ipc.control import (
    NewTicket,
    NotFound,
    Refused,
    TicketComment,
    TicketEdit,
)
from kanban_ipc.words import (
    Author,
    Column,
    RunId,
    TicketState,
    WorkerId,
)
from kanband.store.values import (
    AddOutcome,
    BoardRefusal,
    Cancelling,
    Claim,
    ClaimPolicy,
    EditRefusal,
    Moved,
    MoveRefusal,
    NewSchedule,
    Note,
    Removed,
    RetryPolicy,
    RunEnd,
    RunLog,
    RunMark,
    RunQuestion,
    RunStart,
    Schedule,
    SettleOutcome,
    Want,
    WorkerRow,
)


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
        merged: bool = False,
    ) -> Moved | MoveRefusal:
        """A user's move of a ticket without a live run: ``core.tickets.USER``.

        ``Review → Done`` is ``completed`` for a ticket without a repository, or when a
        person says that it is ``merged``; else ``approved``, however often it is said.
        ``reason``: a person's own words for it.
        """

    def block(
        self, ticket_ids: Sequence[int], *, reason: str, now_ms: int
    ) -> list[Moved | MoveRefusal]:
        """Each to ``blocked``, with a person's reason; another one replaces it."""

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
