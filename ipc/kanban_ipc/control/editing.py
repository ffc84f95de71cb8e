"""Changing what a ticket says, adding to it, deleting it."""

from typing import Final, Literal

import msgspec

from kanban_ipc.control.base import Call, Data, Method, Reply
from kanban_ipc.control.tickets import ChangedReply, Denial, TicketComment
from kanban_ipc.words import Author, Priority, TaskType

Clearable = Literal[
    "description_md",
    "instructions",
    "repo_path",
    "base_branch",
    "model",
    "labels",
    "depends_on",
    "scheduled_at_ms",
    "timeout_s",
    "estimated_duration_s",
    "actual_duration_s",
]
"""Fields of a ticket that may be without a value."""


class TicketEdit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What shall be different; what is absent stays as it is."""

    title: str | None = None
    description_md: str | None = None
    instructions: str | None = None
    board: str | None = None
    repo_path: str | None = None
    base_branch: str | None = None
    agent: str | None = None
    model: str | None = None
    priority: Priority | None = None
    priority_number: int | None = None
    """1 to 10, 10 first; instead of ``priority``."""
    task_type: TaskType | None = None
    scheduled_at_ms: int | None = None
    timeout_s: float | None = None
    estimated_duration_s: float | None = None
    actual_duration_s: float | None = None
    max_retries: int | None = None
    add_labels: list[str] = []
    remove_labels: list[str] = []
    add_depends_on: list[int] = []
    remove_depends_on: list[int] = []
    clear: list[Clearable] = []
    """Fields to be emptied; before anything is added to them."""


class EditCall(Call, frozen=True, kw_only=True):
    ids: list[int]
    edit: TicketEdit


class CommentCall(Call, frozen=True, kw_only=True):
    ids: list[int]
    body_md: str
    author: Author = "user"


class CommentReply(Reply, frozen=True, kw_only=True):
    comments: list[TicketComment]
    refused: list[Denial] = []
    """As ``ChangedReply`` has them."""


class Deleted(Data, frozen=True, kw_only=True):
    """What is gone, and what is left of it."""

    ticket_id: int
    title: str
    runs: list[str]
    """Forgotten with it; what they wrote stays on disk under these names."""
    branch: str | None
    """Its work stays there."""
    worktree: str | None


class DeleteCall(Call, frozen=True, kw_only=True):
    ids: list[int]


class DeleteReply(Reply, frozen=True, kw_only=True):
    deleted: list[Deleted]
    refused: list[Denial] = []
    """As ``ChangedReply`` has them."""


PART: Final[dict[str, Method]] = {
    "Edit": Method(EditCall, ChangedReply),
    "Comment": Method(CommentCall, CommentReply),
    "Delete": Method(DeleteCall, DeleteReply),
}
