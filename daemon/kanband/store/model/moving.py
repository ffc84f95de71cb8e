"""A user's moves, and the passing of time, in memory."""

from collections.abc import Sequence

import msgspec

from kanban_ipc.control import NotFound
from kanban_ipc.words import COLUMN_OF, Column, TicketState
from kanband.core import journal
from kanband.core.tickets import RETRYABLE, USER, state_of_column
from kanband.store import sayings
from kanband.store.model.part import enter
from kanband.store.model.schedules import Schedules
from kanband.store.model.world import RunRecord, TicketRecord
from kanband.store.values import Cancelling, Moved, MoveRefusal


class Moving(Schedules):
    """A user's moves, and the passing of time, in memory."""

    def move(  # noqa: PLR0911 - one for each answer
        self,
        ticket_id: int,
        to: Column,
        *,
        now_ms: int,
        expected: TicketState | None = None,
        reason: str = "",
        merged: bool = False,
    ) -> Moved | MoveRefusal:
        ticket = self._world.tickets.get(ticket_id)
        if ticket is None:
            return sayings.not_found(ticket_id)
        if expected is not None and ticket.state != expected:
            return sayings.stale_state(ticket_id, expected, ticket.state)
        source = COLUMN_OF[ticket.state]
        if source == to and ticket.state != "cancelled":
            return Moved(ticket=self._world.shown(ticket))
        if ticket.run_id is not None:
            return sayings.locked(ticket_id, ticket.run_id)
        has_repo = ticket.new.repo_path is not None
        target = state_of_column(ticket.state, to, has_repo=has_repo, merged=merged)
        if target is None:
            return sayings.no_such_move(ticket_id, ticket.state, to)
        if target == ticket.state:
            return Moved(ticket=self._world.shown(ticket))
        why = reason or sayings.moved(ticket.state, target, has_repo=has_repo)
        if target == "ready":
            _anew(ticket, fresh=False)
        return self._apply(ticket, target, why, ticket.new.scheduled_at_ms, now_ms)

    def block(
        self, ticket_ids: Sequence[int], *, reason: str, now_ms: int
    ) -> list[Moved | MoveRefusal]:
        return [self._block(number, reason, now_ms) for number in ticket_ids]

    def _block(self, ticket_id: int, reason: str, now_ms: int) -> Moved | MoveRefusal:
        ticket = self._world.tickets.get(ticket_id)
        if ticket is None or COLUMN_OF[ticket.state] != "Blocked":
            return self.move(ticket_id, "Blocked", now_ms=now_ms, reason=reason)
        if ticket.state != "blocked":
            return sayings.blocked_otherwise(ticket_id, ticket.state)
        if ticket.reason != reason:
            ticket.reason, ticket.updated_at_ms = reason, now_ms
            self._world.note(journal.blocked_again(ticket_id, reason), now_ms)
        return Moved(ticket=self._world.shown(ticket))

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

    def answer(self, ticket_id: int, text: str, *, now_ms: int) -> Moved | MoveRefusal:
        ticket = self._world.tickets.get(ticket_id)
        if ticket is None:
            return sayings.not_found(ticket_id)
        if ticket.state != "needs_input":
            return sayings.nothing_asked(ticket_id, ticket.state)
        ticket.questions[ticket.epoch] = msgspec.structs.replace(
            ticket.questions[ticket.epoch], answer=text, answered_at_ms=now_ms
        )
        self._world.note(journal.question_answered(ticket_id, text), now_ms)
        return self._apply(ticket, "ready", sayings.ANSWERED, None, now_ms)

    def _due_now(self, ticket: TicketRecord, fresh: bool, now_ms: int) -> Moved:
        if fresh:
            ticket.fresh, ticket.previous_failure = True, ""
        if ticket.waits_for != "due":
            return Moved(ticket=self._world.shown(ticket))
        self._wait(ticket, None, now_ms)
        ticket.cooling = None
        ticket.reason, ticket.updated_at_ms = "", now_ms
        self._world.note(journal.task_due_now(ticket.id), now_ms)
        return Moved(ticket=self._world.shown(ticket), woke=ticket.claimable)

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
            return Moved(ticket=self._world.shown(ticket))
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
            ticket=self._world.shown(ticket),
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
        source, was_next = ticket.state, ticket.in_line
        enter(ticket, target, now_ms)
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
        if was_next and ticket.new.repo_path is not None:
            woke |= self._wake([ticket.new.repo_path])
        return Moved(ticket=self._world.shown(ticket), woke=woke)

    def pause(self, *, paused: bool, board: str | None, now_ms: int) -> NotFound | bool:
        if board is not None and board not in self._world.boards:
            return sayings.no_board(board)
        if board is None:
            changed = self._world.paused != paused
            self._world.paused = paused
        else:
            changed = self._world.boards[board].paused != paused
            self._world.boards[board].paused = paused
        if changed:
            self._world.note(journal.paused(board, paused=paused), now_ms)
        return changed

    def _warm(self, provider: str) -> None:
        cool = self._world.cooldowns[provider]
        self._world.cooldowns[provider] = msgspec.structs.replace(cool, until_ms=None)

    def end_cooldown(self, provider: str, *, now_ms: int) -> bool:
        cool = self._world.cooldowns.get(provider)
        if cool is None or cool.until_ms is None:
            return False
        self._warm(provider)
        for ticket in self._world.tickets.values():
            if ticket.cooling == provider:
                self._end_cooling(ticket)
        self._world.note(journal.provider_warm(provider, by_user=True), now_ms)
        return True

    def promote(self, *, now_ms: int) -> tuple[int, int | None]:
        for provider, cool in sorted(self._world.cooldowns.items()):
            if cool.until_ms is not None and not cool.holds(now_ms):
                self._warm(provider)
                self._world.note(journal.provider_warm(provider), now_ms)
        woken = 0
        for ticket in self._world.tickets.values():
            due = ticket.due_at_ms
            if ticket.cooling is not None and due is not None and due <= now_ms:
                self._end_cooling(ticket)
                woken += ticket.claimable
            elif ticket.waits_for == "due" and due is not None and due <= now_ms:
                self._wait(ticket, None, now_ms)
                self._world.note(journal.task_due(ticket.id), now_ms)
                woken += ticket.claimable
        woken += self._fire(now_ms)
        return woken, self._world.next_due_ms()


def _anew(ticket: TicketRecord, *, fresh: bool) -> None:
    ticket.attempts = ticket.retry_count = ticket.losses = ticket.deferrals = 0
    ticket.failure = None
    ticket.fresh = fresh
    if fresh:
        ticket.previous_failure = ""
