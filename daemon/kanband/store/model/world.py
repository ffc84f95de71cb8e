"""What the model remembers: plain records in dictionaries.

The in-memory twin of the schema; a column there is a field here.
"""

from collections.abc import Iterator

import msgspec

from kanban_ipc.bounds import EXCHANGES_MAX
from kanban_ipc.control import Event, NewTicket, Question, Run, Ticket, TicketComment
from kanban_ipc.link import Exchange, Result, Work
from kanban_ipc.words import (
    COLUMN_OF,
    PRIORITIES,
    Epoch,
    FailureClass,
    RunId,
    RunStatus,
    TicketId,
    TicketState,
    WorkerId,
)
from kanband.core import priority
from kanband.core.cooldowns import CoolDown
from kanband.core.journal import Entry, Lease
from kanband.core.landing import Wish
from kanband.core.retries import Tally
from kanband.core.tickets import RUN_STATES, Wait
from kanband.store.parking import IN_LINE
from kanband.store.rows import run_dir
from kanband.store.values import RunLog, RunMark, Schedule, WorkerRow


class TicketRecord(msgspec.Struct, kw_only=True):
    id: int
    new: NewTicket
    state: TicketState
    band: int
    priority_number: int
    depends: dict[int, bool]
    """On which tickets; True once that one was completed."""
    max_retries: int
    waits_for: Wait | None = None
    due_at_ms: int | None = None
    cooling: str | None = None
    """The provider it waits for."""
    epoch: int = 0
    run_id: RunId | None = None
    worker_id: WorkerId | None = None
    branch: str | None = None
    worktree: str | None = None
    attempts: int = 0
    retry_count: int = 0
    losses: int = 0
    deferrals: int = 0
    fresh: bool = False
    failure: FailureClass | None = None
    reason: str = ""
    previous_failure: str = ""
    actual_duration_s: float | None = None
    created_at_ms: int
    updated_at_ms: int
    state_changed_at_ms: int
    started_at_ms: int | None = None
    completed_at_ms: int | None = None
    questions: dict[int, Question] = {}
    """By epoch, in order."""

    @property
    def claimable(self) -> bool:
        return self.state == "ready" and self.waits_for is None

    @property
    def in_line(self) -> bool:
        return self.state == "ready" and self.waits_for in IN_LINE

    @property
    def unmet(self) -> bool:
        return not all(self.depends.values())

    @property
    def tally(self) -> Tally:
        return Tally(
            max_retries=self.max_retries,
            retry_count=self.retry_count,
            losses=self.losses,
            deferrals=self.deferrals,
        )

    def move_to(self, board: str) -> None:
        self.new = msgspec.structs.replace(self.new, board=board)

    def shown(self) -> Ticket:
        new = self.new
        return Ticket(
            id=self.id,
            board=new.board,
            title=new.title,
            description_md=new.description_md,
            instructions=new.instructions,
            state=self.state,
            column=COLUMN_OF[self.state],
            priority=priority.of_number(self.priority_number),
            priority_number=self.priority_number,
            labels=list(new.labels),
            task_type=new.task_type,
            repo_path=new.repo_path,
            base_branch=new.base_branch,
            branch=self.branch,
            worktree=self.worktree,
            agent=new.agent,
            model=new.model,
            max_retries=self.max_retries,
            retry_count=self.retry_count,
            due_at_ms=self.due_at_ms,
            scheduled_at_ms=new.scheduled_at_ms,
            depends_on=sorted(self.depends),
            timeout_s=new.timeout_s,
            estimated_duration_s=new.estimated_duration_s,
            actual_duration_s=self.actual_duration_s,
            epoch=self.epoch,
            run_id=self.run_id,
            worker_id=self.worker_id,
            waits_for=self.waits_for,
            reason=self.reason,
            failure=self.failure,
            key=new.key,
            created_at_ms=self.created_at_ms,
            updated_at_ms=self.updated_at_ms,
            state_changed_at_ms=self.state_changed_at_ms,
            started_at_ms=self.started_at_ms,
            completed_at_ms=self.completed_at_ms,
            question=self.questions[self.epoch]
            if self.state == "needs_input"
            else None,
        )

    def work(self) -> Work:
        new = self.new
        return Work(
            ticket_id=TicketId(self.id),
            title=new.title,
            description_md=new.description_md,
            instructions=new.instructions,
            priority=PRIORITIES[self.band],
            labels=tuple(new.labels),
            task_type=new.task_type,
            repo_path=new.repo_path or "",
            base_branch=new.base_branch or "",
            branch=self.branch or "",
            worktree=self.worktree or "",
            model=new.model or "",
            previous_failure=self.previous_failure,
            fresh=self.fresh,
            estimated_duration_s=new.estimated_duration_s or 0.0,
            exchanges=tuple(
                Exchange(one.text, one.answer, one.kind)
                for one in self.questions.values()
                if one.answer is not None
            )[-EXCHANGES_MAX:],
        )


class BoardRecord(msgspec.Struct, kw_only=True):
    paused: bool = False
    wip_limit: int | None = None


class RunRecord(msgspec.Struct, kw_only=True):
    id: RunId
    ticket_id: int
    epoch: Epoch
    attempt: int
    worker_id: WorkerId
    agent: str
    repo_path: str | None
    in_place: bool
    queued_at_ms: int
    status: RunStatus = "queued"
    wish: Wish | None = None
    last_seq: int = 0
    reported: str | None = None
    failure: FailureClass | None = None
    branch: str | None = None
    worktree: str | None = None
    head_before: str | None = None
    result: Result = Result(outcome="finished")
    """As reported; before the end, an empty one."""
    started_at_ms: int | None = None
    ended_at_ms: int | None = None
    mark: RunMark | None = None
    lines_said: int = 0

    @property
    def live(self) -> bool:
        return self.ended_at_ms is None

    @property
    def lease(self) -> Lease:
        return Lease(self.ticket_id, self.id, self.epoch, self.worker_id, self.agent)

    @property
    def marked(self) -> RunMark:
        """How far it is."""
        return self.mark or RunMark(run_id=self.id, epoch=self.epoch, percent=0)

    def shown(self, ticket: TicketRecord) -> Run:
        result, mark = self.result, self.marked
        return Run(
            id=self.id,
            ticket_id=self.ticket_id,
            title=ticket.new.title,
            epoch=self.epoch,
            attempt=self.attempt,
            worker_id=self.worker_id,
            agent=self.agent,
            status=self.status,
            failure=self.failure,
            message=result.message,
            exit_code=result.exit_code,
            signal=result.signal,
            summary_md=result.summary_md,
            progress=100 if self.status == "finished" else mark.percent,
            step=mark.step,
            branch=self.branch,
            worktree=self.worktree,
            head_before=self.head_before,
            head_after=result.head_after or None,
            files_changed=[f"{one.status} {one.path}" for one in result.files_changed],
            files_changed_count=result.files_changed_count,
            insertions=result.insertions,
            deletions=result.deletions,
            output_bytes=result.output_bytes,
            log_cut=result.log_cut,
            leftovers_killed=result.leftovers_killed,
            proof=result.proof,
            cpu_ms=result.cpu_ms,
            rss_max_bytes=result.rss_max_bytes,
            run_dir=run_dir(self.id),
            queued_at_ms=self.queued_at_ms,
            started_at_ms=self.started_at_ms,
            ended_at_ms=self.ended_at_ms,
            duration_s=result.duration_ms / 1000 if result.duration_ms else None,
            current_step=mark.current_step,
            total_steps=mark.total_steps,
            question=ticket.questions.get(self.epoch),
        )


class World:
    """Everything the model knows."""

    def __init__(self) -> None:
        self.tickets: dict[int, TicketRecord] = {}
        self.keys: dict[str, int] = {}
        self.runs: dict[RunId, RunRecord] = {}
        self.comments: list[TicketComment] = []
        self.comments_made = 0
        self.tickets_made = 0
        self.logs: dict[RunId, dict[int, RunLog]] = {}
        self.journal: list[Event] = []
        """Whole; what is not kept any more is not shown."""
        self.journal_base = 0
        self.stale: set[tuple[RunId, int]] = set()
        self.boards: dict[str, BoardRecord] = {"main": BoardRecord()}
        """In their order."""
        self.workers: dict[WorkerId, WorkerRow] = {}
        self.wanted_workers: int | None = None
        self.paused = False
        self.claims_made = 0
        self.cooldowns: dict[str, CoolDown] = {}
        self.schedules: dict[int, Schedule] = {}
        self.schedules_made = 0

    def note(self, entry: Entry, now_ms: int) -> None:
        self.journal.append(
            Event(
                seq=len(self.journal) + 1,
                ts_ms=now_ms,
                sender=entry.sender,
                type=entry.type,
                ticket_id=entry.ticket_id,
                payload=dict(entry.payload),
            )
        )

    def is_full(self, board: str) -> bool:
        """As many of its tickets are in progress as may be."""
        limit = self.boards[board].wip_limit
        if limit is None:
            return False
        busy = sum(
            ticket.new.board == board and ticket.state in RUN_STATES
            for ticket in self.tickets.values()
        )
        return busy >= limit

    def shown(self, ticket: TicketRecord) -> Ticket:
        """The ticket; on a full board it waits for that."""
        shown = ticket.shown()
        if ticket.claimable and self.is_full(ticket.new.board):
            return msgspec.structs.replace(shown, waits_for="wip")
        return shown

    def claimable(self) -> Iterator[TicketRecord]:
        return (ticket for ticket in self.tickets.values() if ticket.claimable)

    def live_runs(self) -> Iterator[RunRecord]:
        return (run for run in self.runs.values() if run.live)

    def next_due_ms(self) -> int | None:
        due = [ticket.due_at_ms for ticket in self.tickets.values()]
        due += [each.until_ms for each in self.cooldowns.values()]
        due += [each.next_at_ms for each in self.schedules.values()]
        return min((each for each in due if each is not None), default=None)
