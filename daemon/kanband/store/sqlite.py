"""The store's verbs over SQLite: what runs.

Here only the names of the contract meet the modules that do the work, one noun each:
``adding``, ``claiming`` (with ``lanes`` and ``parking``), ``running``, ``settling``,
``waking``, ``moving``, ``editing``, ``comments``, ``deleting``, ``boards``,
``workers``;
``reading``, ``runs`` and ``events`` answer.

None of them begins or ends a transaction: whoever calls a verb does (``writer``).
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import apsw

from kanban_ipc.control import (
    BoardQueue,
    Event,
    ListCall,
    NewTicket,
    NotFound,
    QueueInfo,
    Refused,
    Run,
    RunsCall,
    Ticket,
    TicketComment,
    TicketEdit,
)
from kanban_ipc.words import Author, Column, RunId, TicketState, WorkerId
from kanband.core.cooldowns import CoolDown
from kanband.core.retries import RetryPolicy
from kanband.store import (
    adding,
    asking,
    boards,
    claiming,
    comments,
    cooling,
    deleting,
    editing,
    events,
    moving,
    parking,
    reading,
    running,
    runs,
    schedules,
    settling,
    waking,
    workers,
)
from kanband.store.values import (
    AddOutcome,
    BoardRefusal,
    Cancelling,
    Claim,
    ClaimPolicy,
    EditRefusal,
    Lease,
    Moved,
    MoveRefusal,
    NewSchedule,
    Note,
    Removed,
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


class SqliteVerbs:
    """``Verbs`` on a connection that is in a transaction."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db

    def add(
        self, tickets: Sequence[NewTicket], *, ready: bool, now_ms: int
    ) -> AddOutcome:
        return adding.add(self._db, tickets, ready=ready, now_ms=now_ms)

    def claim(
        self,
        wants: Sequence[Want],
        policy: ClaimPolicy,
        *,
        run_ids: Sequence[RunId],
        now_ms: int,
    ) -> list[Claim]:
        return claiming.claim(self._db, wants, policy, run_ids=run_ids, now_ms=now_ms)

    def start(self, starts: Sequence[RunStart], *, now_ms: int) -> list[bool]:
        return running.start(self._db, starts, now_ms=now_ms)

    def log(self, lines: Sequence[RunLog]) -> list[bool]:
        return running.log(self._db, lines)

    def say(self, lines: Sequence[RunLog]) -> list[Literal["kept", "stale", "full"]]:
        return asking.say(self._db, lines)

    def mark(self, marks: Sequence[RunMark]) -> None:
        asking.mark(self._db, marks)

    def ask(self, questions: Sequence[RunQuestion], *, now_ms: int) -> list[bool]:
        return asking.ask(self._db, questions, now_ms=now_ms)

    def settle(
        self, ends: Sequence[RunEnd], retries: RetryPolicy, *, now_ms: int
    ) -> SettleOutcome:
        return settling.settle(self._db, ends, retries, now_ms=now_ms)

    def transfer(self, runs: Mapping[RunId, WorkerId], *, now_ms: int) -> list[RunId]:
        return running.transfer(self._db, runs, now_ms=now_ms)

    def promote(self, *, now_ms: int) -> tuple[int, int | None]:
        return waking.promote(self._db, now_ms=now_ms)

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
        return moving.move(
            self._db,
            ticket_id,
            to,
            now_ms=now_ms,
            expected=expected,
            reason=reason,
            merged=merged,
        )

    def block(
        self, ticket_ids: Sequence[int], *, reason: str, now_ms: int
    ) -> list[Moved | MoveRefusal]:
        return moving.block(self._db, ticket_ids, reason=reason, now_ms=now_ms)

    def edit(
        self, ticket_ids: Sequence[int], edit: TicketEdit, *, now_ms: int
    ) -> list[Moved | EditRefusal]:
        return editing.edit(self._db, ticket_ids, edit, now_ms=now_ms)

    def comment(
        self, ticket_ids: Sequence[int], body_md: str, *, author: Author, now_ms: int
    ) -> list[TicketComment | NotFound]:
        return comments.comment(
            self._db, ticket_ids, body_md, author=author, now_ms=now_ms
        )

    def delete(
        self, ticket_ids: Sequence[int], *, now_ms: int
    ) -> list[Removed | EditRefusal]:
        return deleting.delete(self._db, ticket_ids, now_ms=now_ms)

    def retry(
        self, ticket_ids: Sequence[int], *, fresh: bool, now_ms: int
    ) -> list[Moved | MoveRefusal]:
        return moving.retry(self._db, ticket_ids, fresh=fresh, now_ms=now_ms)

    def cancel(
        self, ticket_ids: Sequence[int], *, requeue: bool, now_ms: int
    ) -> list[Moved | Cancelling | MoveRefusal]:
        return moving.cancel(self._db, ticket_ids, requeue=requeue, now_ms=now_ms)

    def answer(self, ticket_id: int, text: str, *, now_ms: int) -> Moved | MoveRefusal:
        return moving.answer(self._db, ticket_id, text, now_ms=now_ms)

    def pause(self, *, paused: bool, board: str | None, now_ms: int) -> NotFound | bool:
        return workers.pause(self._db, paused=paused, board=board, now_ms=now_ms)

    def add_board(
        self, name: str, *, position: int | None, wip_limit: int, now_ms: int
    ) -> Refused | bool:
        return boards.add_board(
            self._db, name, position=position, wip_limit=wip_limit, now_ms=now_ms
        )

    def edit_board(
        self, name: str, *, position: int | None, wip_limit: int | None, now_ms: int
    ) -> NotFound | bool:
        return boards.edit_board(
            self._db, name, position=position, wip_limit=wip_limit, now_ms=now_ms
        )

    def rename_board(self, name: str, to: str, *, now_ms: int) -> BoardRefusal | bool:
        return boards.rename_board(self._db, name, to, now_ms=now_ms)

    def delete_board(self, name: str, *, now_ms: int) -> BoardRefusal | bool:
        return boards.delete_board(self._db, name, now_ms=now_ms)

    def put_workers(
        self, rows: Sequence[WorkerRow], notes: Sequence[Note], *, now_ms: int
    ) -> None:
        workers.put_workers(self._db, rows, notes, now_ms=now_ms)

    def drop_workers(self, worker_ids: Sequence[WorkerId], *, now_ms: int) -> None:
        workers.drop_workers(self._db, worker_ids, now_ms=now_ms)

    def set_wanted_workers(self, count: int | None, *, now_ms: int) -> None:
        workers.want_workers(self._db, count, now_ms=now_ms)

    def add_schedule(self, new: NewSchedule, *, now_ms: int) -> Schedule:
        return schedules.add_schedule(self._db, new, now_ms=now_ms)

    def pause_schedule(
        self, schedule_id: int, *, paused: bool, now_ms: int
    ) -> Schedule | NotFound:
        return schedules.pause_schedule(
            self._db, schedule_id, paused=paused, now_ms=now_ms
        )

    def remove_schedule(self, schedule_id: int, *, now_ms: int) -> Schedule | NotFound:
        return schedules.remove_schedule(self._db, schedule_id, now_ms=now_ms)

    def end_cooldown(self, provider: str, *, now_ms: int) -> bool:
        return cooling.end_cooldown(self._db, provider, now_ms=now_ms)

    def note(self, notes: Sequence[Note], *, now_ms: int) -> None:
        workers.note(self._db, notes, now_ms=now_ms)

    def prune_journal(self, up_to: int) -> int:
        return events.prune(self._db, up_to)

    def unpark(self, *, now_ms: int) -> bool:
        return parking.unpark(self._db, now_ms=now_ms)


class SqliteReads:
    """``Reads`` on a connection; a snapshot when it is in a transaction."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db

    def ticket(self, ticket_id: int) -> Ticket | None:
        return reading.ticket(self._db, ticket_id)

    def tickets(self, query: ListCall) -> tuple[list[Ticket], int]:
        return reading.tickets(self._db, query)

    def matching(self, query: ListCall) -> list[int]:
        return reading.matching(self._db, query)

    def run(self, run_id: RunId) -> Run | None:
        return runs.run(self._db, run_id)

    def find_runs(self, text: str) -> list[Run]:
        return runs.find_runs(self._db, text)

    def runs(self, query: RunsCall) -> list[Run]:
        return runs.runs(self._db, query)

    def run_log(self, run_id: RunId, *, limit: int) -> list[RunLog]:
        return runs.run_log(self._db, run_id, limit=limit)

    def leases(self) -> list[Lease]:
        return runs.leases(self._db)

    def workers(self) -> list[WorkerRow]:
        return workers.workers(self._db)

    def wanted_workers(self) -> int | None:
        return workers.wanted_workers(self._db)

    def queue(self) -> QueueInfo:
        return reading.queue(self._db)

    def boards(self) -> list[BoardQueue]:
        return reading.boards(self._db)

    def next_due_ms(self) -> int | None:
        return reading.next_due_ms(self._db)

    def schedules(self) -> list[Schedule]:
        return schedules.schedules(self._db)

    def cooldowns(self) -> list[CoolDown]:
        return cooling.cooldowns(self._db)

    def events(
        self,
        *,
        since: int,
        limit: int,
        ticket_id: int | None = None,
        types: Sequence[str] = (),
    ) -> list[Event]:
        return events.events(
            self._db, since=since, limit=limit, ticket_id=ticket_id, types=types
        )

    def events_of_run(
        self, ticket_id: int, run_id: RunId, *, since: int, limit: int
    ) -> list[Event]:
        return events.events_of_run(
            self._db, ticket_id, run_id, since=since, limit=limit
        )

    def last_seq(self) -> int:
        return events.last_seq(self._db)

    def journal_before(self, ts_ms: int) -> int:
        return events.journal_before(self._db, ts_ms)

    def journal_base(self) -> int:
        return events.journal_base(self._db)

    def blockers(self, ticket_id: int) -> list[Ticket]:
        return reading.blockers(self._db, ticket_id)

    def comments(
        self, ticket_id: int, *, limit: int
    ) -> tuple[list[TicketComment], int]:
        return comments.comments(self._db, ticket_id, limit=limit)

    def repo_holders(self, repo_path: str) -> list[Run]:
        return runs.repo_holders(self._db, repo_path)
