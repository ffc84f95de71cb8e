"""Looking at tickets, at what holds them (or a worker) up, and waiting for them."""

from typing import Final, Literal

from kanban_ipc.control.base import Call, Data, Method, Reply
from kanban_ipc.control.runs import Run
from kanban_ipc.control.tickets import Ticket, TicketComment
from kanban_ipc.control.workers import WorkerInfo
from kanban_ipc.words import Column, TicketState


class ListCall(Call, frozen=True, kw_only=True):
    board: str | None = None
    states: list[TicketState] = []
    columns: list[Column] = []
    repo: str | None = None
    agent: str | None = None
    labels: list[str] = []
    """Tickets that carry all of them."""
    text: str | None = None
    """In the title, the description or the instructions; ASCII letters in any case."""
    cancelled: bool = False
    """Include cancelled tickets when no state is named."""
    sort: Literal["id", "priority", "updated", "created", "state", "title", "due"] = (
        "id"
    )
    """``priority`` is the order of claims; ``due`` has those without a time last."""
    descending: bool = False
    limit: int = 100
    offset: int = 0


class ListReply(Reply, frozen=True, kw_only=True):
    tickets: list[Ticket]
    total: int


class ShowCall(Call, frozen=True, kw_only=True):
    id: int


class ShowReply(Reply, frozen=True, kw_only=True):
    ticket: Ticket
    runs: list[Run]
    """Newest first."""
    comments: list[TicketComment] = []
    """Oldest first; of many, the latest."""
    comments_count: int = 0


class ExportCall(Call, frozen=True, kw_only=True):
    board: str | None = None
    states: list[TicketState] = []
    columns: list[Column] = []
    repo: str | None = None
    agent: str | None = None
    label: str | None = None
    done: bool = False
    """Completed and cancelled tickets too when no state is named."""


class ExportReply(Reply, frozen=True, kw_only=True):
    tickets: list[Ticket]
    """In order of age, texts whole."""


class Reason(Data, frozen=True, kw_only=True):
    code: str
    text: str
    """What holds the ticket (or the worker), and the next step."""
    next_try_ms: int | None


class WhyCall(Call, frozen=True, kw_only=True):
    id: int | None = None
    """A ticket."""
    worker_id: str | None = None
    """One of the two."""


class WhyReply(Reply, frozen=True, kw_only=True):
    ticket: Ticket | None
    """What was asked about; as the worker."""
    reasons: list[Reason]
    worker: WorkerInfo | None = None


class WaitCall(Call, frozen=True, kw_only=True):
    ids: list[int]
    states: list[TicketState] = []
    """Empty: until the ticket rests (Review, Done or Blocked)."""
    patience_s: float | None = None
    """Answer after so long in any case; 0 only looks."""


class WaitReply(Reply, frozen=True, kw_only=True):
    tickets: list[Ticket]
    reached: bool = True
    """False: the patience is at its end."""
    notes: list[str] = []
    """What those wait for that are not there and do not run, and the next step."""


PART: Final[dict[str, Method]] = {
    "Export": Method(ExportCall, ExportReply, streams=True),
    "List": Method(ListCall, ListReply),
    "Show": Method(ShowCall, ShowReply),
    "Why": Method(WhyCall, WhyReply),
    "Wait": Method(WaitCall, WaitReply),
}
