"""A ticket, as it is asked for and as it is; replies that are tickets.

The calls stand where they belong: ``adding``, ``reading``, ``editing``, ``moving``.
"""

from typing import Literal

import msgspec

from kanban_ipc.control.base import Data, Reply
from kanban_ipc.words import (
    Author,
    Column,
    FailureClass,
    Priority,
    QuestionKind,
    TaskType,
    TicketState,
)


class NewTicket(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    title: str
    description_md: str = ""
    instructions: str = ""
    board: str = "main"
    repo_path: str | None = None
    base_branch: str | None = None
    agent: str = "any"
    model: str | None = None
    priority: Priority | None = None
    priority_number: int | None = None
    """1 to 10, 10 first; instead of ``priority``."""
    labels: list[str] = []
    task_type: TaskType = "general"
    depends_on: list[int] = []
    depends_on_keys: list[str] = []
    """Dependencies named by idempotency key; they may be earlier in the same import."""
    scheduled_at_ms: int | None = None
    timeout_s: float | None = None
    estimated_duration_s: float | None = None
    max_retries: int | None = None
    key: str | None = None
    """Idempotency key: the same key is the same ticket."""


class Question(Data, frozen=True, kw_only=True):
    """What an agent asked before it ended its run."""

    kind: QuestionKind
    text: str
    choices: list[str]
    """What it expects to be answered; empty: anything."""
    asked_at_ms: int
    answer: str | None
    answered_at_ms: int | None


class Ticket(Data, frozen=True, kw_only=True):
    id: int
    board: str
    title: str
    description_md: str
    instructions: str
    state: TicketState
    column: Column
    priority: Priority
    priority_number: int
    labels: list[str]
    task_type: TaskType
    repo_path: str | None
    base_branch: str | None
    branch: str | None
    worktree: str | None
    agent: str
    model: str | None
    max_retries: int
    retry_count: int
    due_at_ms: int | None
    scheduled_at_ms: int | None
    depends_on: list[int]
    timeout_s: float | None
    estimated_duration_s: float | None
    actual_duration_s: float | None
    epoch: int
    run_id: str | None
    """The run that holds its lease."""
    worker_id: str | None
    waits_for: Literal["due", "depends", "repo", "wip", "cooldown"] | None
    reason: str
    """Why it is in its state, in a sentence; may be empty."""
    failure: FailureClass | None
    key: str | None
    created_at_ms: int
    updated_at_ms: int
    state_changed_at_ms: int
    started_at_ms: int | None
    completed_at_ms: int | None
    question: Question | None = None
    """What it needs to be told, in ``needs_input``."""


class TicketComment(Data, frozen=True, kw_only=True):
    id: int
    ticket_id: int
    author: Author
    body_md: str
    created_at_ms: int


class TicketReply(Reply, frozen=True, kw_only=True):
    ticket: Ticket


class TicketsReply(Reply, frozen=True, kw_only=True):
    tickets: list[Ticket]


class Denial(Data, frozen=True, kw_only=True):
    """One of several tickets for which a wish was refused; the others got theirs."""

    ticket_id: int
    error: str
    """The name of the error that it would have been alone."""
    message: str


class ChangedReply(Reply, frozen=True, kw_only=True):
    tickets: list[Ticket]
    """Those that were granted their wish, as they are now."""
    refused: list[Denial] = []
    """The others; with one ticket alone a refusal is an error."""
    notes: list[str] = []
    """As ``AddReply`` has them."""
