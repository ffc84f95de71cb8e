"""The verbs in memory: the oracle of tests and of the simulation.

Plain loops over plain records, so that one can see that it is right. It shares the
core's decisions with ``sqlite``, and nothing of how they are kept.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from kanban_ipc.bounds import MESSAGE_CHARS_MAX
from kanban_ipc.control import NewTicket, NotFound, Refusal
from kanban_ipc.words import COLUMN_OF, Column, Epoch, RunId, TicketState, WorkerId
from kanband.core import journal
from kanband.core.intake import flaw
from kanband.core.landing import Landing, land
from kanband.core.priority import band, resolve
from kanband.core.tickets import RETRYABLE, USER, state_of_column, wait_of
from kanband.store import sayings
from kanband.store.adding import MAX_RETRIES
from kanband.store.claiming import agent_names
from kanband.store.running import START_REASON
from kanband.store.settling import UNPROCESSED, cut, reported, started_ms
from kanband.store.verbs import (
    Added,
    AddOutcome,
    Cancelling,
    Claim,
    ClaimPolicy,
    Landed,
    Moved,
    MoveRefusal,
    Note,
    RetryPolicy,
    RunEnd,
    RunLog,
    RunStart,
    SettleOutcome,
    Stale,
    Want,
    WorkerRow,
)
from kanband.store.world import RunRecord, TicketRecord, World


class ModelVerbs:
    """``Verbs`` on a world."""

    def __init__(self, world: World) -> None:
        self._world = world

    # ------------------------------------------------------------- adding

    def add(
        self, tickets: Sequence[NewTicket], *, ready: bool, now_ms: int
    ) -> AddOutcome:
        planned: dict[int, TicketRecord] = {}
        keys = dict(self._world.keys)
        ids: list[int] = []
        refused: list[Refusal] = []
        for index, new in enumerate(tickets):
            if new.key in keys:
                ids.append(keys[new.key])
                continue
            number = len(self._world.tickets) + len(planned) + 1
            answer = self._plan(number, new, planned, keys, now_ms)
            if isinstance(answer, str):
                refused.append(Refusal(index=index, title=new.title, reason=answer))
                continue
            planned[number] = answer
            ids.append(number)
            if new.key is not None:
                keys[new.key] = number
        if refused:
            return AddOutcome(added=[], refused=refused, woke=False)
        for ticket in planned.values():
            self._insert(ticket, ready, now_ms)
        self._world.keys = keys
        first = {number: place for place, number in reversed(list(enumerate(ids)))}
        return AddOutcome(
            added=[
                Added(
                    ticket=self._world.tickets[number].shown(),
                    created=number in planned and first[number] == place,
                )
                for place, number in enumerate(ids)
            ],
            refused=[],
            woke=any(ticket.claimable for ticket in planned.values()),
        )

    def _plan(
        self,
        number: int,
        new: NewTicket,
        planned: Mapping[int, TicketRecord],
        keys: Mapping[str, int],
        now_ms: int,
    ) -> TicketRecord | str:
        reason = flaw(new)
        if reason is not None:
            return reason
        numbers = set(new.depends_on)
        for key in new.depends_on_keys:
            if key not in keys:
                return sayings.unknown_key(key)
            numbers.add(keys[key])
        known = {**self._world.tickets, **planned}
        for on in sorted(numbers):
            if on not in known:
                return sayings.unknown_dependency(on)
        word, priority_number = resolve(new.priority, new.priority_number)
        retries = MAX_RETRIES if new.max_retries is None else new.max_retries
        return TicketRecord(
            id=number,
            new=new,
            state="backlog",
            band=band(word),
            priority_number=priority_number,
            depends={on: known[on].state == "completed" for on in numbers},
            max_retries=retries,
            created_at_ms=now_ms,
            updated_at_ms=now_ms,
            state_changed_at_ms=now_ms,
        )

    def _insert(self, ticket: TicketRecord, ready: bool, now_ms: int) -> None:
        new = ticket.new
        self._world.tickets[ticket.id] = ticket
        self._world.boards.setdefault(new.board, False)
        if ready:
            ticket.state = "ready"
            self._wait(ticket, new.scheduled_at_ms, now_ms)
        self._world.note(
            journal.created(
                ticket.id, ticket.state, new.title, new.board, ticket.due_at_ms
            ),
            now_ms,
        )

    def _wait(self, ticket: TicketRecord, due_ms: int | None, now_ms: int) -> None:
        ticket.waits_for = wait_of(due_ms, unmet=ticket.unmet, now_ms=now_ms)
        ticket.due_at_ms = due_ms if ticket.waits_for == "due" else None

    # ----------------------------------------------------------- claiming

    def claim(
        self,
        wants: Sequence[Want],
        policy: ClaimPolicy,
        *,
        run_ids: Sequence[RunId],
        now_ms: int,
    ) -> list[Claim]:
        claims: list[Claim] = []
        turns = [(want, want.count) for want in wants if want.count > 0]
        while turns and not self._world.paused:
            want, left = turns.pop(0)
            ticket = self._pick(want, policy)
            if ticket is None:
                continue
            run_id = run_ids[len(claims)]
            claims.append(self._claim(ticket, want, policy, run_id, now_ms))
            if left > 1:
                turns.append((want, left - 1))
        return claims

    def _pick(self, want: Want, policy: ClaimPolicy) -> TicketRecord | None:
        bound = policy.starvation_bound
        oldest = bound > 0 and (self._world.claims_made + 1) % bound == 0
        while True:
            best = min(
                self._may(want, policy),
                key=lambda ticket: (0 if oldest else ticket.band, ticket.id),
                default=None,
            )
            if best is None or not self._is_full(best, policy):
                return best
            self._park(best, policy)

    def _may(self, want: Want, policy: ClaimPolicy) -> Iterator[TicketRecord]:
        names = agent_names(policy)
        for ticket in self._world.claimable():
            new = ticket.new
            if (
                new.agent in names
                and (want.agents is None or names[new.agent] in want.agents)
                and want.board in (None, new.board)
                and want.repo_path in (None, new.repo_path)
                and not self._world.boards[new.board]
            ):
                yield ticket

    def _is_full(self, ticket: TicketRecord, policy: ClaimPolicy) -> bool:
        if ticket.new.repo_path is None:
            return False
        in_place = _in_place(ticket, policy)
        limit = 1 if in_place else policy.max_runs_per_repo
        holders = sum(
            run.repo_path == ticket.new.repo_path and run.in_place == in_place
            for run in self._world.live_runs()
        )
        return limit > 0 and holders >= limit

    def _park(self, met: TicketRecord, policy: ClaimPolicy) -> None:
        """All claimable tickets of its repository that work in the same way."""
        names = agent_names(policy)
        for ticket in list(self._world.claimable()):
            if (
                ticket.new.repo_path == met.new.repo_path
                and ticket.new.agent in names
                and _in_place(ticket, policy) == _in_place(met, policy)
            ):
                ticket.waits_for = "repo"

    def _claim(
        self,
        ticket: TicketRecord,
        want: Want,
        policy: ClaimPolicy,
        run_id: RunId,
        now_ms: int,
    ) -> Claim:
        assert run_id not in self._world.runs
        self._world.claims_made += 1
        ticket.epoch += 1
        ticket.attempts += 1
        run = RunRecord(
            id=run_id,
            ticket_id=ticket.id,
            epoch=Epoch(ticket.epoch),
            attempt=ticket.attempts,
            worker_id=want.worker_id,
            agent=agent_names(policy)[ticket.new.agent],
            repo_path=ticket.new.repo_path,
            in_place=_in_place(ticket, policy) and ticket.new.repo_path is not None,
            queued_at_ms=now_ms,
        )
        self._world.runs[run_id] = run
        ticket.run_id, ticket.worker_id = run_id, want.worker_id
        ticket.reason = ""
        _enter(ticket, "assigned", now_ms)
        work = ticket.work()
        self._world.note(
            journal.assigned(
                run.lease,
                attempt=run.attempt,
                branch=work.branch,
                worktree=work.worktree,
                description=work.description_md,
            ),
            now_ms,
        )
        return Claim(
            run_id=run_id,
            epoch=run.epoch,
            attempt=run.attempt,
            worker_id=want.worker_id,
            agent=run.agent,
            work=work,
            timeout_s=ticket.new.timeout_s,
        )

    # ------------------------------------------------------- run's course

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
            _keep_places(ticket, one.branch, one.worktree)
            self._begin(run, ticket, one.started_ms, now_ms)
        return True

    def _begin(
        self, run: RunRecord, ticket: TicketRecord, started: int, now_ms: int
    ) -> None:
        self._world.note(journal.run_started(run.lease), now_ms)
        self._world.note(
            journal.moved("worker", ticket.id, "assigned", "working", START_REASON),
            now_ms,
        )
        _enter(ticket, "working", now_ms)
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

    # ----------------------------------------------------------- settling

    def settle(
        self, ends: Sequence[RunEnd], retries: RetryPolicy, *, now_ms: int
    ) -> SettleOutcome:
        answers: list[Landed | Stale] = []
        released: list[str] = []
        completed: list[int] = []
        woke = False
        for end in ends:
            held = self._holder(end.run_id, end.epoch)
            if held is None:
                answers.append(self._not_held(end, now_ms))
                continue
            run, ticket = held
            answers.append(self._land(run, ticket, end, retries, now_ms))
            woke |= ticket.claimable
            if run.repo_path is not None:
                released.append(run.repo_path)
            if ticket.state == "completed":
                completed.append(ticket.id)
        woke |= self._open_dependents(completed)
        woke |= self._wake(released)
        return SettleOutcome(
            ends=answers, woke=woke, next_due_ms=self._world.next_due_ms()
        )

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
        )
        if landing.through_working:
            run.started_at_ms = started_ms(end)
            self._begin(run, ticket, started_ms(end), now_ms)
        self._end_run(run, landing, end, now_ms)
        self._end_ticket(ticket, landing, end, now_ms)
        worker = self._world.workers.get(run.worker_id)
        if worker is not None and landing.failure not in UNPROCESSED:
            self._world.workers[run.worker_id] = msgspec.structs.replace(
                worker, tickets_processed=worker.tickets_processed + 1
            )
        return Landed(
            ticket_id=ticket.id,
            state=ticket.state,
            worker_id=run.worker_id,
            retry_due_ms=landing.due_at_ms,
        )

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
            ),
            now_ms,
        )
        _enter(ticket, landing.target, now_ms)
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
        _keep_places(ticket, result.branch, result.worktree)
        ticket.completed_at_ms = now_ms if landing.target == "completed" else None

    # ------------------------------------------------------------- waking

    def _open_dependents(self, completed: Sequence[int]) -> bool:
        woke = False
        for ticket in self._world.tickets.values():
            news = [on for on in completed if ticket.depends.get(on) is False]
            for on in news:
                ticket.depends[on] = True
            if news and ticket.waits_for == "depends" and not ticket.unmet:
                ticket.waits_for = None
                woke = True
        return woke

    def _wake(self, released: Sequence[str]) -> bool:
        """For each place that became free, the best parked ticket of each lane."""
        woke = False
        for repo_path in released:
            best: dict[tuple[str, str], TicketRecord] = {}
            for ticket in self._world.tickets.values():
                if ticket.waits_for == "repo" and ticket.new.repo_path == repo_path:
                    lane = (ticket.new.board, ticket.new.agent)
                    other = best.setdefault(lane, ticket)
                    best[lane] = min(ticket, other, key=lambda one: (one.band, one.id))
            for ticket in best.values():
                ticket.waits_for = None
                woke = True
        return woke

    def promote(self, *, now_ms: int) -> tuple[int, int | None]:
        woken = 0
        for ticket in self._world.tickets.values():
            due = ticket.due_at_ms
            if ticket.waits_for == "due" and due is not None and due <= now_ms:
                self._wait(ticket, None, now_ms)
                self._world.note(journal.task_due(ticket.id), now_ms)
                woken += ticket.claimable
        return woken, self._world.next_due_ms()

    def unpark(self, *, now_ms: int) -> bool:
        parked = [
            ticket
            for ticket in self._world.tickets.values()
            if ticket.waits_for == "repo"
        ]
        for ticket in parked:
            ticket.waits_for = None
        if parked:
            self._world.note(journal.unparked(len(parked)), now_ms)
        return bool(parked)

    # -------------------------------------------------------- user's moves

    def move(
        self,
        ticket_id: int,
        to: Column,
        *,
        now_ms: int,
        expected: TicketState | None = None,
    ) -> Moved | MoveRefusal:
        ticket = self._world.tickets.get(ticket_id)
        if ticket is None:
            return sayings.not_found(ticket_id)
        if expected is not None and ticket.state != expected:
            return sayings.stale_state(ticket_id, expected, ticket.state)
        source = COLUMN_OF[ticket.state]
        if source == to and ticket.state != "cancelled":
            return Moved(ticket=ticket.shown())
        if ticket.run_id is not None:
            return sayings.locked(ticket_id, ticket.run_id)
        has_repo = ticket.new.repo_path is not None
        target = state_of_column(ticket.state, to, has_repo=has_repo)
        if target is None:
            return sayings.no_such_move(ticket_id, ticket.state, to)
        why = sayings.moved(source, to)
        if target == "ready":
            _anew(ticket, fresh=False)
        return self._apply(ticket, target, why, ticket.new.scheduled_at_ms, now_ms)

    def retry(
        self, ticket_ids: Sequence[int], *, fresh: bool, now_ms: int
    ) -> list[Moved | MoveRefusal]:
        return [self._retry(number, fresh, now_ms) for number in ticket_ids]

    def _retry(self, ticket_id: int, fresh: bool, now_ms: int) -> Moved | MoveRefusal:
        ticket = self._world.tickets.get(ticket_id)
        if ticket is None:
            return sayings.not_found(ticket_id)
        if ticket.run_id is not None:
            return sayings.locked(ticket_id, ticket.run_id)
        if ticket.state == "ready":
            return self._due_now(ticket, fresh, now_ms)
        if ticket.state not in RETRYABLE:
            return sayings.not_retryable(ticket_id, ticket.state)
        _anew(ticket, fresh=fresh)
        return self._apply(ticket, "ready", sayings.RETRIED, None, now_ms)

    def _due_now(self, ticket: TicketRecord, fresh: bool, now_ms: int) -> Moved:
        if fresh:
            ticket.fresh, ticket.previous_failure = True, ""
        if ticket.waits_for != "due":
            return Moved(ticket=ticket.shown())
        self._wait(ticket, None, now_ms)
        ticket.reason, ticket.updated_at_ms = "", now_ms
        self._world.note(journal.task_due_now(ticket.id), now_ms)
        return Moved(ticket=ticket.shown(), woke=ticket.claimable)

    def cancel(
        self, ticket_ids: Sequence[int], *, requeue: bool, now_ms: int
    ) -> list[Moved | Cancelling | MoveRefusal]:
        return [self._cancel(number, requeue, now_ms) for number in ticket_ids]

    def _cancel(
        self, ticket_id: int, requeue: bool, now_ms: int
    ) -> Moved | Cancelling | MoveRefusal:
        ticket = self._world.tickets.get(ticket_id)
        if ticket is None:
            return sayings.not_found(ticket_id)
        if ticket.run_id is not None:
            return self._wish(ticket, self._world.runs[ticket.run_id], requeue, now_ms)
        if ticket.state == ("ready" if requeue else "cancelled"):
            return Moved(ticket=ticket.shown())
        if requeue:
            return sayings.no_run_to_cancel(ticket_id, ticket.state)
        if "cancelled" not in USER[ticket.state]:
            return sayings.not_cancellable(ticket_id, ticket.state)
        return self._apply(ticket, "cancelled", sayings.CANCELLED, None, now_ms)

    def _wish(
        self, ticket: TicketRecord, run: RunRecord, requeue: bool, now_ms: int
    ) -> Cancelling:
        wish = run.wish
        run.wish = "requeue" if requeue and wish != "cancel" else "cancel"
        if run.wish != wish:
            ticket.updated_at_ms = now_ms
            self._world.note(
                journal.cancel_wanted(run.lease, requeue=run.wish == "requeue"), now_ms
            )
        return Cancelling(
            ticket=ticket.shown(),
            run_id=run.id,
            epoch=run.epoch,
            worker_id=run.worker_id,
        )

    def _apply(
        self,
        ticket: TicketRecord,
        target: TicketState,
        why: str,
        due_ms: int | None,
        now_ms: int,
    ) -> Moved:
        assert target in USER[ticket.state]
        source, was_claimable = ticket.state, ticket.claimable
        _enter(ticket, target, now_ms)
        ticket.reason = why
        ticket.due_at_ms = None
        if target == "ready":
            self._wait(ticket, due_ms, now_ms)
        if target == "completed":
            ticket.completed_at_ms = now_ms
        elif target == "in_review":
            ticket.completed_at_ms = None
        self._world.note(
            journal.moved(
                "user", ticket.id, source, target, why, due_at_ms=ticket.due_at_ms
            ),
            now_ms,
        )
        woke = ticket.claimable
        if target == "completed":
            woke |= self._open_dependents([ticket.id])
        if was_claimable and ticket.new.repo_path is not None:
            woke |= self._wake([ticket.new.repo_path])
        return Moved(ticket=ticket.shown(), woke=woke)

    def pause(self, *, paused: bool, board: str | None, now_ms: int) -> NotFound | bool:
        if board is not None and board not in self._world.boards:
            return sayings.no_board(board)
        if board is None:
            changed = self._world.paused != paused
            self._world.paused = paused
        else:
            changed = self._world.boards[board] != paused
            self._world.boards[board] = paused
        if changed:
            self._world.note(journal.paused(board, paused=paused), now_ms)
        return changed

    # ------------------------------------------------------------- workers

    def put_workers(
        self, rows: Sequence[WorkerRow], notes: Sequence[Note], *, now_ms: int
    ) -> None:
        for row in rows:
            known = self._world.workers.get(row.worker_id)
            processed = 0 if known is None else known.tickets_processed
            self._world.workers[row.worker_id] = msgspec.structs.replace(
                row, tickets_processed=processed
            )
        self.note(notes, now_ms=now_ms)

    def drop_workers(self, worker_ids: Sequence[WorkerId], *, now_ms: int) -> None:
        for worker_id in worker_ids:
            assert all(run.worker_id != worker_id for run in self._world.live_runs()), (
                f"{worker_id} still holds a run; transfer it first"
            )
            if self._world.workers.pop(worker_id, None) is not None:
                self._world.note(journal.worker_dropped(worker_id), now_ms)

    def set_wanted_workers(self, count: int | None, *, now_ms: int) -> None:
        if count != self._world.wanted_workers:
            self._world.wanted_workers = count
            self._world.note(journal.workers_wanted(count), now_ms)

    def note(self, notes: Sequence[Note], *, now_ms: int) -> None:
        for one in notes:
            assert one.type not in journal.TRANSITIONS, "a note is no transition"
            entry = journal.Entry(one.sender, one.type, one.ticket_id, one.payload)
            self._world.note(entry, now_ms)


def _in_place(ticket: TicketRecord, policy: ClaimPolicy) -> bool:
    return policy.agents[agent_names(policy)[ticket.new.agent]].in_place


def _enter(ticket: TicketRecord, state: TicketState, now_ms: int) -> None:
    ticket.state = state
    ticket.waits_for = None
    ticket.updated_at_ms = ticket.state_changed_at_ms = now_ms


def _keep_places(ticket: TicketRecord, branch: str, worktree: str) -> None:
    ticket.branch = branch or ticket.branch
    ticket.worktree = worktree or ticket.worktree


def _anew(ticket: TicketRecord, *, fresh: bool) -> None:
    ticket.attempts = ticket.retry_count = ticket.losses = ticket.deferrals = 0
    ticket.failure = None
    ticket.fresh = fresh
    if fresh:
        ticket.previous_failure = ""
