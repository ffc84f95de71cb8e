"""New tickets, one or many at a time."""

from typing import Final

from kanban_ipc.control.base import Call, Data, Method, Reply
from kanban_ipc.control.tickets import NewTicket, Ticket


class AddCall(Call, frozen=True, kw_only=True):
    ticket: NewTicket
    ready: bool = False


class AddReply(Reply, frozen=True, kw_only=True):
    id: int
    created: bool
    """False: the key was known, this is the ticket it names."""
    ticket: Ticket
    notes: list[str]
    """What the user should know, such as that no worker can do it now."""


class Refusal(Data, frozen=True, kw_only=True):
    index: int
    """Position in the call, from 0."""
    title: str
    reason: str


class ImportCall(Call, frozen=True, kw_only=True):
    tickets: list[NewTicket]
    ready: bool = False


class ImportReply(Reply, frozen=True, kw_only=True):
    ids: list[int]
    """In the order of the call; all or nothing: empty when anything was refused."""
    created: int
    refused: list[Refusal]
    known: list[int] = []
    """Those of ``ids`` that their keys named already; they are unchanged."""
    notes: list[str] = []
    """As ``AddReply`` has them, for all of them."""


PART: Final[dict[str, Method]] = {
    "Add": Method(AddCall, AddReply),
    "Import": Method(ImportCall, ImportReply),
}
