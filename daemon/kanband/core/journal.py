"""What the journal says: one entry for each transition, and for what surrounds it.

Transitions are ``task_created``, ``task_assign``, ``state_change`` and
``task_failed``; each carries ``task_id`` and, but for the first, ``from`` and ``to``.
``task_deleted`` ends a ticket's story. Folding them gives every ticket's state, epoch
and lease (``history``): a lease begins with ``task_assign`` and ends with
``run_finished``.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from kanban_ipc.control import Ticket
from kanban_ipc.words import (
    Author,
    Epoch,
    FailureClass,
    QuestionKind,
    RunId,
    RunStatus,
    Sender,
    TicketState,
    WorkerId,
)
from kanband.core.cooldowns import CoolDown

Scalar: TypeAlias = str | int | float | bool | None
Payload: TypeAlias = dict[str, Scalar]

TRANSITIONS: Final = frozenset(
    ("task_created", "task_assign", "state_change", "task_failed", "task_deleted")
)
DESCRIPTION_CHARS_MAX: Final = 200
"""Of a ticket's description in ``task_assign``: enough to know it by."""


class Entry(NamedTuple):
    """A row of the journal before it has its number and time."""

    sender: Sender
    type: str
    ticket_id: int | None
    payload: Mapping[str, Scalar]


class Lease(NamedTuple):
    """Who holds a ticket, as entries name it."""

    ticket_id: int
    run_id: RunId
    epoch: Epoch
    worker_id: WorkerId
    agent: str


def created(
    ticket_id: int, state: TicketState, title: str, board: str, due_at_ms: int | None
) -> Entry:
    """A new ticket, in Backlog or Ready."""
    payload: Payload = {
        "task_id": ticket_id,
        "to": state,
        "title": title,
        "board": board,
    }
    return Entry("user", "task_created", ticket_id, _with_due(payload, due_at_ms))


def edited(
    ticket: Ticket, changed: Sequence[str], *, max_retries: int, due_at_ms: int | None
) -> Entry:
    """A user changed fields; a ready ticket's due time may be another one."""
    payload: Payload = {"task_id": ticket.id, "fields": ", ".join(changed)}
    if "max_retries" in changed:
        payload["max_retries_before"] = ticket.max_retries
        payload["max_retries"] = max_retries
    if ticket.state == "ready":
        payload["due_at_ms"] = due_at_ms
    return Entry("user", "task_edited", ticket.id, payload)


def deleted(ticket: Ticket) -> Entry:
    """A user deleted a ticket: its rows are gone, its entries stay."""
    payload: Payload = {
        "task_id": ticket.id,
        "from": ticket.state,
        "title": ticket.title,
        "board": ticket.board,
    }
    return Entry("user", "task_deleted", ticket.id, payload)


def blocked_again(ticket_id: int, why: str) -> Entry:
    """A blocked ticket has another reason now."""
    return Entry("user", "task_edited", ticket_id, {"task_id": ticket_id, "why": why})


def commented(ticket_id: int, comment_id: int, author: Author) -> Entry:
    """Somebody said something."""
    payload: Payload = {
        "task_id": ticket_id,
        "comment_id": comment_id,
        "author": author,
    }
    sender: Sender = "worker" if author == "agent" else author
    return Entry(sender, "comment_added", ticket_id, payload)


def assigned(
    lease: Lease,
    *,
    attempt: int,
    branch: str,
    worktree: str,
    description: str,
    provider: str,
) -> Entry:
    """A claim: ready to assigned, and the lease begins. A provider that is not the
    agent itself is named.
    """
    payload: Payload = {
        "task_id": lease.ticket_id,
        "from": "ready",
        "to": "assigned",
        "run_id": lease.run_id,
        "epoch": lease.epoch,
        "attempt": attempt,
        "worker_id": lease.worker_id,
        "agent": lease.agent,
        "branch": branch,
        "worktree": worktree,
        "description": description[:DESCRIPTION_CHARS_MAX],
    }
    if provider != lease.agent:
        payload["provider"] = provider
    return Entry("orchestrator", "task_assign", lease.ticket_id, payload)


def moved(
    sender: Sender,
    ticket_id: int,
    source: TicketState,
    to: TicketState,
    why: str,
    *,
    due_at_ms: int | None = None,
    run_id: RunId | None = None,
) -> Entry:
    """A transition; one into ``failed`` is a ``task_failed``. One that a run brought
    about names it.
    """
    payload: Payload = {"task_id": ticket_id, "from": source, "to": to}
    if run_id is not None:
        payload["run_id"] = run_id
    if to == "failed":
        payload["reason"] = why
        return Entry(sender, "task_failed", ticket_id, payload)
    payload["why"] = why
    return Entry(sender, "state_change", ticket_id, _with_due(payload, due_at_ms))


def run_started(lease: Lease) -> Entry:
    """The agent runs."""
    return Entry("worker", "run_started", lease.ticket_id, _of_lease(lease))


def run_finished(
    lease: Lease, status: RunStatus, failure: FailureClass | None, duration_ms: int
) -> Entry:
    """The lease ends, whatever becomes of the ticket."""
    payload = _of_lease(lease)
    payload["status"] = status
    payload["failure"] = failure
    payload["duration_ms"] = duration_ms
    return Entry("worker", "run_finished", lease.ticket_id, payload)


def run_transferred(lease: Lease, to: WorkerId) -> Entry:
    """The run goes on under another worker, same epoch."""
    payload = _of_lease(lease)
    payload["to_worker_id"] = to
    return Entry("orchestrator", "run_transferred", lease.ticket_id, payload)


def stale_result(
    ticket_id: int | None, run_id: RunId, epoch: Epoch, outcome: str
) -> Entry:
    """A result came too late and changed nothing."""
    payload: Payload = {
        "task_id": ticket_id,
        "run_id": run_id,
        "epoch": epoch,
        "outcome": outcome,
    }
    return Entry("worker", "stale_result", ticket_id, payload)


def cancel_wanted(lease: Lease, *, requeue: bool) -> Entry:
    """A cancellation of a live run was accepted."""
    payload = _of_lease(lease)
    payload["requeue"] = requeue
    return Entry("user", "cancel_wanted", lease.ticket_id, payload)


def question_asked(lease: Lease, kind: QuestionKind, text: str) -> Entry:
    """An agent wants to be told something; its run goes on until it ends."""
    payload = _of_lease(lease)
    payload["kind"] = kind
    payload["question"] = text
    return Entry("worker", "question_asked", lease.ticket_id, payload)


def question_answered(ticket_id: int, text: str) -> Entry:
    """A person has answered."""
    payload: Payload = {"task_id": ticket_id, "answer": text}
    return Entry("user", "question_answered", ticket_id, payload)


def task_due(ticket_id: int) -> Entry:
    """Its time has come."""
    return Entry("system", "task_due", ticket_id, {"task_id": ticket_id})


def task_due_now(ticket_id: int) -> Entry:
    """A user did not want to wait for its time."""
    return Entry("user", "task_due", ticket_id, {"task_id": ticket_id})


def paused(board: str | None, *, paused: bool) -> Entry:
    """The queue, or a board, was paused or resumed."""
    kind = "queue_paused" if paused else "queue_resumed"
    return Entry("user", kind, None, {"board": board})


def board_added(board: str) -> Entry:
    """A user made a board before it had a ticket."""
    return Entry("user", "board_added", None, {"board": board})


def board_changed(board: str, position: int | None, wip_limit: int | None) -> Entry:
    """Its place or its limit, as they were asked for; None: not asked for."""
    payload: Payload = {"board": board}
    if position is not None:
        payload["position"] = position
    if wip_limit is not None:
        payload["wip_limit"] = wip_limit
    return Entry("user", "board_changed", None, payload)


def board_renamed(board: str, to: str) -> Entry:
    """Its tickets went with it."""
    return Entry("user", "board_renamed", None, {"board": board, "to": to})


def board_deleted(board: str) -> Entry:
    """It was empty."""
    return Entry("user", "board_deleted", None, {"board": board})


def workers_wanted(count: int | None) -> Entry:
    """``scale``; None: the configuration's number again."""
    return Entry("user", "workers_wanted", None, {"count": count})


def worker_dropped(worker_id: WorkerId) -> Entry:
    """A worker's row was forgotten."""
    return Entry("system", "worker_dropped", None, {"worker_id": worker_id})


def unparked(tickets: int) -> Entry:
    """Limits changed: tickets that waited for their repository are looked at anew."""
    return Entry("system", "repo_waits_ended", None, {"tickets": tickets})


def provider_cooling(lease: Lease, cool: CoolDown) -> Entry:
    """A provider refused a run; nothing of it begins before its time."""
    payload: Payload = {
        "provider": cool.provider,
        "agent": lease.agent,
        "task_id": lease.ticket_id,
        "in_a_row": cool.in_a_row,
        "until_ms": cool.until_ms,
    }
    return Entry("worker", "provider_cooling", lease.ticket_id, payload)


def provider_warm(provider: str, *, by_user: bool = False) -> Entry:
    """Its cool-down is over."""
    sender: Sender = "user" if by_user else "system"
    return Entry(sender, "provider_warm", None, {"provider": provider})


def provider_works(provider: str) -> Entry:
    """A run succeeded: what it refused before is forgotten."""
    return Entry("system", "provider_works", None, {"provider": provider})


def schedule_added(schedule_id: int, cron: str, zone: str, title: str) -> Entry:
    """A template that makes tickets."""
    payload: Payload = {
        "schedule_id": schedule_id,
        "cron": cron,
        "zone": zone,
        "title": title,
    }
    return Entry("user", "schedule_added", None, payload)


def schedule_due(
    schedule_id: int, due_ms: int, ticket_id: int | None, skipped: str
) -> Entry:
    """A due time made a ticket, or was skipped and says why."""
    payload: Payload = {"schedule_id": schedule_id, "due_at_ms": due_ms}
    if ticket_id is None:
        payload["why"] = skipped
        return Entry("system", "schedule_skipped", None, payload)
    payload["task_id"] = ticket_id
    return Entry("system", "schedule_fired", ticket_id, payload)


def schedule_paused(schedule_id: int, *, paused: bool) -> Entry:
    """It makes nothing, or again."""
    kind = "schedule_paused" if paused else "schedule_resumed"
    return Entry("user", kind, None, {"schedule_id": schedule_id})


def schedule_removed(schedule_id: int) -> Entry:
    """Its tickets stay."""
    return Entry("user", "schedule_removed", None, {"schedule_id": schedule_id})


def _of_lease(lease: Lease) -> Payload:
    return {
        "task_id": lease.ticket_id,
        "run_id": lease.run_id,
        "epoch": lease.epoch,
        "worker_id": lease.worker_id,
        "agent": lease.agent,
    }


def _with_due(payload: Payload, due_at_ms: int | None) -> Payload:
    if due_at_ms is not None:
        payload["due_at_ms"] = due_at_ms
    return payload
