"""What a user does to tickets: move, retry, cancel."""

from collections.abc import Sequence
from typing import Any, Final

import apsw
import msgspec

from kanban_ipc.control import Ticket
from kanban_ipc.words import COLUMN_OF, Column, Epoch, RunId, TicketState, WorkerId
from kanband.core import journal
from kanband.core.landing import Wish
from kanband.core.tickets import RETRYABLE, USER, Wait, state_of_column, wait_of
from kanband.store import sayings
from kanband.store.ledger import Ledger
from kanband.store.parking import IN_LINE, wake
from kanband.store.reading import ticket
from kanband.store.statements import load
from kanband.store.values import Cancelling, Moved, MoveRefusal
from kanband.store.waking import has_unmet, open_dependents

_SQL: Final = load("moving")


class _Standing(msgspec.Struct, frozen=True):
    """A ticket as a move finds it; fields in the order of ``standing``."""

    id: int
    state: TicketState
    board: str
    agent: str
    repo_path: str | None
    waits_for: Wait | None
    epoch: Epoch
    run_id: RunId | None
    worker_id: WorkerId | None
    scheduled_at_ms: int | None
    run_agent: str | None
    wish: Wish | None


def _standing(db: apsw.Connection, ticket_id: int) -> _Standing | None:
    row: tuple[Any, ...] | None = db.execute(_SQL["standing"], (ticket_id,)).get
    return None if row is None else _Standing(*row)


def _ticket(db: apsw.Connection, ticket_id: int) -> Ticket:
    found = ticket(db, ticket_id)
    assert found is not None
    return found


def move(  # noqa: PLR0911 - one for each answer
    db: apsw.Connection,
    ticket_id: int,
    to: Column,
    *,
    now_ms: int,
    expected: TicketState | None,
    reason: str = "",
    merged: bool = False,
) -> Moved | MoveRefusal:
    """See ``Verbs.move``."""
    found = _standing(db, ticket_id)
    if found is None:
        return sayings.not_found(ticket_id)
    if expected is not None and found.state != expected:
        return sayings.stale_state(ticket_id, expected, found.state)
    if COLUMN_OF[found.state] == to and found.state != "cancelled":
        return Moved(ticket=_ticket(db, ticket_id))
    if found.run_id is not None:
        return sayings.locked(ticket_id, found.run_id)
    has_repo = found.repo_path is not None
    target = state_of_column(found.state, to, has_repo=has_repo, merged=merged)
    if target is None:
        return sayings.no_such_move(ticket_id, found.state, to)
    if target == found.state:
        return Moved(ticket=_ticket(db, ticket_id))
    why = reason or sayings.moved(found.state, target, has_repo=has_repo)
    if target == "ready":
        _anew(db, ticket_id, fresh=False)
        return _enter_ready(db, found, why, found.scheduled_at_ms, now_ms)
    return _apply(db, found, target, why, now_ms=now_ms)


def block(
    db: apsw.Connection, ticket_ids: Sequence[int], *, reason: str, now_ms: int
) -> list[Moved | MoveRefusal]:
    """See ``Verbs.block``."""
    return [_block_one(db, number, reason, now_ms) for number in ticket_ids]


def _block_one(
    db: apsw.Connection, ticket_id: int, reason: str, now_ms: int
) -> Moved | MoveRefusal:
    found = _standing(db, ticket_id)
    if found is None or COLUMN_OF[found.state] != "Blocked":
        return move(
            db, ticket_id, "Blocked", now_ms=now_ms, expected=None, reason=reason
        )
    if found.state != "blocked":
        return sayings.blocked_otherwise(ticket_id, found.state)
    now = _ticket(db, ticket_id)
    if now.reason == reason:
        return Moved(ticket=now)
    db.execute(_SQL["reason"], (ticket_id, reason, now_ms))
    ledger = Ledger(db, now_ms)
    ledger.note(journal.blocked_again(ticket_id, reason))
    ledger.write()
    return Moved(ticket=_ticket(db, ticket_id))


def retry(
    db: apsw.Connection, ticket_ids: Sequence[int], *, fresh: bool, now_ms: int
) -> list[Moved | MoveRefusal]:
    """See ``Verbs.retry``."""
    return [_retry_one(db, number, fresh, now_ms) for number in ticket_ids]


def _retry_one(
    db: apsw.Connection, ticket_id: int, fresh: bool, now_ms: int
) -> Moved | MoveRefusal:
    found = _standing(db, ticket_id)
    if found is None:
        return sayings.not_found(ticket_id)
    if found.run_id is not None:
        return sayings.locked(ticket_id, found.run_id)
    if found.state == "ready":
        return _due_now(db, found, fresh, now_ms)
    if found.state not in RETRYABLE:
        return sayings.not_retryable(ticket_id, found.state)
    _anew(db, ticket_id, fresh=fresh)
    return _enter_ready(db, found, sayings.RETRIED, None, now_ms)


def answer(
    db: apsw.Connection, ticket_id: int, text: str, *, now_ms: int
) -> Moved | MoveRefusal:
    """See ``Verbs.answer``."""
    found = _standing(db, ticket_id)
    if found is None:
        return sayings.not_found(ticket_id)
    if found.state != "needs_input":
        return sayings.nothing_asked(ticket_id, found.state)
    db.execute(_SQL["answer"], (ticket_id, found.epoch, text, now_ms))
    ledger = Ledger(db, now_ms)
    ledger.note(journal.question_answered(ticket_id, text))
    ledger.write()
    return _enter_ready(db, found, sayings.ANSWERED, None, now_ms)


def _due_now(db: apsw.Connection, found: _Standing, fresh: bool, now_ms: int) -> Moved:
    """Already ready: what waited for its time waits no longer; nothing is counted
    anew, for nothing had ended.
    """
    if fresh:
        db.execute(_SQL["fresh"], (found.id,))
    if found.waits_for != "due":
        return Moved(ticket=_ticket(db, found.id))
    wait = wait_of(None, unmet=has_unmet(db, found.id), now_ms=now_ms)
    db.execute(_SQL["due_now"], (found.id, wait, now_ms))
    ledger = Ledger(db, now_ms)
    ledger.note(journal.task_due_now(found.id))
    ledger.write()
    return Moved(ticket=_ticket(db, found.id), woke=wait is None)


def cancel(
    db: apsw.Connection, ticket_ids: Sequence[int], *, requeue: bool, now_ms: int
) -> list[Moved | Cancelling | MoveRefusal]:
    """See ``Verbs.cancel``."""
    return [_cancel_one(db, number, requeue, now_ms) for number in ticket_ids]


def _cancel_one(  # noqa: PLR0911 - one for each answer
    db: apsw.Connection, ticket_id: int, requeue: bool, now_ms: int
) -> Moved | Cancelling | MoveRefusal:
    found = _standing(db, ticket_id)
    if found is None:
        return sayings.not_found(ticket_id)
    if found.run_id is not None:
        return _wish(db, found, found.run_id, requeue, now_ms)
    if requeue:
        if found.state == "ready":
            return Moved(ticket=_ticket(db, ticket_id))
        return sayings.no_run_to_cancel(ticket_id, found.state)
    if found.state == "cancelled":
        return Moved(ticket=_ticket(db, ticket_id))
    if "cancelled" not in USER[found.state]:
        return sayings.not_cancellable(ticket_id, found.state)
    return _apply(db, found, "cancelled", sayings.CANCELLED, now_ms=now_ms)


def _wish(
    db: apsw.Connection, found: _Standing, run_id: RunId, requeue: bool, now_ms: int
) -> Cancelling:
    """Record the wish; an accepted cancellation is not weakened to a requeue."""
    assert found.worker_id is not None
    assert found.run_agent is not None
    wish: Wish = "requeue" if requeue and found.wish != "cancel" else "cancel"
    if wish != found.wish:
        db.execute(_SQL["wish"], (wish, run_id))
        db.execute(_SQL["touched"], (found.id, now_ms))
        lease = journal.Lease(
            found.id, run_id, found.epoch, found.worker_id, found.run_agent
        )
        ledger = Ledger(db, now_ms)
        ledger.note(journal.cancel_wanted(lease, requeue=wish == "requeue"))
        ledger.write()
    return Cancelling(
        ticket=_ticket(db, found.id),
        run_id=run_id,
        epoch=found.epoch,
        worker_id=found.worker_id,
    )


def _anew(db: apsw.Connection, ticket_id: int, *, fresh: bool) -> None:
    """A new round of work: attempts and failures are counted from nothing."""
    db.execute(_SQL["anew"], (ticket_id, fresh))


def _enter_ready(
    db: apsw.Connection,
    found: _Standing,
    why: str,
    due_ms: int | None,
    now_ms: int,
) -> Moved:
    wait = wait_of(due_ms, unmet=has_unmet(db, found.id), now_ms=now_ms)
    due = due_ms if wait == "due" else None
    return _apply(db, found, "ready", why, now_ms=now_ms, wait=wait, due=due)


def _apply(
    db: apsw.Connection,
    found: _Standing,
    target: TicketState,
    why: str,
    *,
    now_ms: int,
    wait: Wait | None = None,
    due: int | None = None,
) -> Moved:
    """Write a legal move and wake what it sets free."""
    assert target in USER[found.state]
    db.execute(_SQL["move"], (found.id, target, wait, due, why, now_ms))
    ledger = Ledger(db, now_ms)
    ledger.count(found.board, found.state, target)
    ledger.note(
        journal.moved("user", found.id, found.state, target, why, due_at_ms=due)
    )
    ledger.write()
    woke = target == "ready" and wait is None
    if target == "completed":
        woke |= open_dependents(db, [found.id])
    was_next = found.state == "ready" and found.waits_for in IN_LINE
    if was_next and found.repo_path is not None:
        woke |= wake(db, {found.repo_path: 1})
    return Moved(ticket=_ticket(db, found.id), woke=woke)
