"""``start``, ``log``, ``transfer`` and ``settle`` in memory."""

from collections.abc import Mapping, Sequence

import msgspec

from kanban_ipc.bounds import MESSAGE_CHARS_MAX
from kanban_ipc.words import RunId, WorkerId
from kanband.core import journal
from kanband.core.cooldowns import cooled
from kanband.core.landing import Landing, land
from kanband.store.model.part import Part, enter, keep_places
from kanband.store.model.world import RunRecord, TicketRecord
from kanband.store.running import START_REASON
from kanband.store.settling import UNPROCESSED, cut, reported, started_ms
from kanband.store.values import (
    Landed,
    RetryPolicy,
    RunEnd,
    RunLog,
    RunStart,
    SettleOutcome,
    Stale,
)


class Running(Part):
    """``start``, ``log``, ``transfer`` and ``settle`` in memory."""

    def _holder(
        self, run_id: RunId, epoch: int
    ) -> tuple[RunRecord, TicketRecord] | None:
        run = self._world.runs.get(run_id)
        if run is None or not run.live or run.epoch != epoch:
            return None
        return run, self._world.tickets[run.ticket_id]

    def start(self, starts: Sequence[RunStart], *, now_ms: int) -> list[bool]:
        return [self._start(one, now_ms) for one in starts]

    def _start(self, one: RunStart, now_ms: int) -> bool:
        held = self._holder(one.run_id, one.epoch)
        if held is None:
            return False
        run, ticket = held
        if ticket.state == "assigned":
            run.status = "running"
            run.started_at_ms = one.started_ms
            run.last_seq = max(run.last_seq, one.seq)
            run.branch = one.branch or None
            run.worktree = one.worktree or None
            run.head_before = one.head_before or None
            keep_places(ticket, one.branch, one.worktree)
            self._begin(run, ticket, one.started_ms, now_ms)
        return True

    def _begin(
        self, run: RunRecord, ticket: TicketRecord, started: int, now_ms: int
    ) -> None:
        self._world.note(journal.run_started(run.lease), now_ms)
        self._world.note(
            journal.moved(
                "worker",
                ticket.id,
                "assigned",
                "working",
                START_REASON,
                run_id=run.id,
            ),
            now_ms,
        )
        enter(ticket, "working", now_ms)
        ticket.started_at_ms = started
        ticket.fresh = False

    def log(self, lines: Sequence[RunLog]) -> list[bool]:
        return [self._log(line) for line in lines]

    def _log(self, line: RunLog) -> bool:
        held = self._holder(line.run_id, line.epoch)
        if held is None:
            return False
        self._world.logs.setdefault(line.run_id, {}).setdefault(line.seq, line)
        held[0].last_seq = max(held[0].last_seq, line.seq)
        return True

    def transfer(self, runs: Mapping[RunId, WorkerId], *, now_ms: int) -> list[RunId]:
        moved: list[RunId] = []
        for run_id, worker_id in runs.items():
            run = self._world.runs.get(run_id)
            if run is None or not run.live or run.worker_id == worker_id:
                continue
            self._world.note(journal.run_transferred(run.lease, worker_id), now_ms)
            run.worker_id = worker_id
            ticket = self._world.tickets[run.ticket_id]
            ticket.worker_id, ticket.updated_at_ms = worker_id, now_ms
            moved.append(run_id)
        return moved

    def settle(
        self, ends: Sequence[RunEnd], retries: RetryPolicy, *, now_ms: int
    ) -> SettleOutcome:
        answers: list[Landed | Stale] = []
        released: list[str] = []
        completed: list[int] = []
        boards: set[str] = set()
        woke = False
        for end in ends:
            held = self._holder(end.run_id, end.epoch)
            if held is None:
                answers.append(self._not_held(end, now_ms))
                continue
            run, ticket = held
            answers.append(self._land(run, ticket, end, retries, now_ms))
            woke |= ticket.claimable
            boards.add(ticket.new.board)
            if run.repo_path is not None:
                released.append(run.repo_path)
            if ticket.state == "completed":
                completed.append(ticket.id)
        woke |= self._open_dependents(completed)
        woke |= self._wake(released)
        woke |= any(map(self._has_room_for_next, boards))
        return SettleOutcome(
            ends=answers, woke=woke, next_due_ms=self._world.next_due_ms()
        )

    def _has_room_for_next(self, board: str) -> bool:
        is_limited = self._world.boards[board].wip_limit is not None
        claimable = (one.new.board == board for one in self._world.claimable())
        return is_limited and any(claimable)

    def _not_held(self, end: RunEnd, now_ms: int) -> Landed | Stale:
        run = self._world.runs.get(end.run_id)
        if run is not None and run.epoch == end.epoch and run.reported == reported(end):
            return Landed(
                ticket_id=run.ticket_id,
                state=self._world.tickets[run.ticket_id].state,
                worker_id=run.worker_id,
                repeated=True,
            )
        if (end.run_id, end.epoch) not in self._world.stale:
            self._world.stale.add((end.run_id, end.epoch))
            ticket_id = None if run is None else run.ticket_id
            entry = journal.stale_result(
                ticket_id, end.run_id, end.epoch, end.result.outcome
            )
            self._world.note(entry, now_ms)
        return Stale(run_id=end.run_id, epoch=end.epoch)

    def _land(
        self,
        run: RunRecord,
        ticket: TicketRecord,
        end: RunEnd,
        retries: RetryPolicy,
        now_ms: int,
    ) -> Landed:
        landing = land(
            ticket.state,
            run.wish,
            ticket.tally,
            end.result,
            on_success=end.on_success,
            policy=retries,
            jitter=end.jitter,
            now_ms=now_ms,
            question=_asked(ticket, run),
        )
        if landing.through_working:
            run.started_at_ms = started_ms(end)
            self._begin(run, ticket, started_ms(end), now_ms)
        self._end_run(run, landing, end, now_ms)
        self._end_ticket(ticket, landing, end, now_ms)
        self._provider(run, ticket, landing, end, now_ms)
        worker = self._world.workers.get(run.worker_id)
        if worker is not None and landing.failure not in UNPROCESSED:
            self._world.workers[run.worker_id] = msgspec.structs.replace(
                worker, tickets_processed=worker.tickets_processed + 1
            )
        return Landed(
            ticket_id=ticket.id,
            state=ticket.state,
            worker_id=run.worker_id,
            retry_due_ms=ticket.due_at_ms,
        )

    def _provider(
        self,
        run: RunRecord,
        ticket: TicketRecord,
        landing: Landing,
        end: RunEnd,
        now_ms: int,
    ) -> None:
        provider = end.provider or run.agent
        before = self._world.cooldowns.get(provider)
        if landing.cools_down:
            cool = cooled(before, provider, end.result.retry_after_s, now_ms)
            self._world.cooldowns[provider] = cool
            self._world.note(journal.provider_cooling(run.lease, cool), now_ms)
            ticket.waits_for, ticket.cooling = "cooldown", provider
            ticket.due_at_ms = cool.until_ms
        elif landing.status == "finished" and before and not before.holds(now_ms):
            del self._world.cooldowns[provider]
            self._world.note(journal.provider_works(provider), now_ms)

    def _end_run(
        self, run: RunRecord, landing: Landing, end: RunEnd, now_ms: int
    ) -> None:
        result = end.result
        self._world.note(
            journal.run_finished(
                run.lease, landing.status, landing.failure, result.duration_ms
            ),
            now_ms,
        )
        run.status, run.failure = landing.status, landing.failure
        run.reported = reported(end)
        run.last_seq = max(run.last_seq, end.seq)
        run.ended_at_ms = end.ended_ms
        run.branch = result.branch or run.branch
        run.worktree = result.worktree or run.worktree
        run.head_before = result.head_before or run.head_before
        run.result = msgspec.structs.replace(
            result,
            message=result.message[:MESSAGE_CHARS_MAX],
            summary_md=cut(result.summary_md),
        )

    def _end_ticket(
        self, ticket: TicketRecord, landing: Landing, end: RunEnd, now_ms: int
    ) -> None:
        tally, result = landing.tally, end.result
        self._world.note(
            journal.moved(
                landing.sender,
                ticket.id,
                ticket.state,
                landing.target,
                landing.reason,
                due_at_ms=landing.due_at_ms,
                run_id=end.run_id,
            ),
            now_ms,
        )
        enter(ticket, landing.target, now_ms)
        ticket.run_id = ticket.worker_id = None
        ticket.due_at_ms = landing.due_at_ms
        ticket.waits_for = "due" if landing.due_at_ms is not None else None
        ticket.retry_count = tally.retry_count
        ticket.losses, ticket.deferrals = tally.losses, tally.deferrals
        ticket.failure, ticket.reason = landing.failure, landing.reason
        if landing.previous_failure is not None:
            ticket.previous_failure = landing.previous_failure
        if result.duration_ms:
            ticket.actual_duration_s = result.duration_ms / 1000
        keep_places(ticket, result.branch, result.worktree)
        ticket.completed_at_ms = now_ms if landing.target == "completed" else None


def _asked(ticket: TicketRecord, run: RunRecord) -> str:
    question = ticket.questions.get(run.epoch)
    return "" if question is None else question.text
