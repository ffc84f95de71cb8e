"""The wishes that move a ticket to another state."""

from typing import Final

from kanban_ipc.control.base import Call, Method, Reply
from kanban_ipc.control.runs import Run
from kanban_ipc.control.tickets import ChangedReply, Ticket, TicketReply, TicketsReply
from kanban_ipc.words import Column


class ReadyCall(Call, frozen=True, kw_only=True):
    ids: list[int]


class MoveCall(Call, frozen=True, kw_only=True):
    id: int
    to: Column
    cancel: bool = False
    """Cancel the live run first, if there is one."""
    merged: bool = False
    """Its branch is where it belongs: to Done is completion, not approval."""


class BlockCall(Call, frozen=True, kw_only=True):
    ids: list[int]
    reason: str
    """Shown by ``Why``."""
    cancel: bool = False
    """Cancel live runs first."""


class RetryCall(Call, frozen=True, kw_only=True):
    ids: list[int]
    fresh: bool = False


class AnswerCall(Call, frozen=True, kw_only=True):
    id: int
    text: str
    free: bool = False
    """Whether it may be none of the choices that the question names."""


class CancelCall(Call, frozen=True, kw_only=True):
    ids: list[int]
    requeue: bool = False
    """The run only: the ticket becomes Ready again."""
    wait: bool = True


class CancelledReply(Reply, frozen=True, kw_only=True):
    tickets: list[Ticket]
    runs: list[Run]
    """The runs that were ended for it, with their level of proof."""


PART: Final[dict[str, Method]] = {
    "Ready": Method(ReadyCall, TicketsReply),
    "Move": Method(MoveCall, TicketReply),
    "Block": Method(BlockCall, ChangedReply),
    "Retry": Method(RetryCall, TicketsReply),
    "Answer": Method(AnswerCall, TicketReply),
    "Cancel": Method(CancelCall, CancelledReply),
}
