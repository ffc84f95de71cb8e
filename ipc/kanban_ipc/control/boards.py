"""Boards: one with its columns, and the calls that make and change them."""

from typing import Final

from kanban_ipc.control.base import Call, Data, Method, Reply
from kanban_ipc.control.queue import BoardQueue
from kanban_ipc.control.tickets import Ticket
from kanban_ipc.words import Column


class BoardColumn(Data, frozen=True, kw_only=True):
    column: Column
    total: int
    tickets: list[Ticket]
    """The first of them: by priority and age; in Done, the latest."""


class BoardCall(Call, frozen=True, kw_only=True):
    name: str | None = None
    """Absent: the first."""
    limit: int = 20
    """Tickets of each column."""


class BoardReply(Reply, frozen=True, kw_only=True):
    board: BoardQueue
    columns: list[BoardColumn]


class BoardsListCall(Call, frozen=True, kw_only=True):
    pass


class BoardsAddCall(Call, frozen=True, kw_only=True):
    name: str
    position: int | None = None
    """Absent: the last."""
    wip_limit: int = 0
    """0 is no limit."""


class BoardsEditCall(Call, frozen=True, kw_only=True):
    name: str
    position: int | None = None
    wip_limit: int | None = None
    """0 is no limit."""


class BoardsRenameCall(Call, frozen=True, kw_only=True):
    name: str
    to: str


class BoardsDeleteCall(Call, frozen=True, kw_only=True):
    name: str


class BoardsReply(Reply, frozen=True, kw_only=True):
    boards: list[BoardQueue]
    """All of them, in their order."""


PART: Final[dict[str, Method]] = {
    "Board": Method(BoardCall, BoardReply),
    "BoardsList": Method(BoardsListCall, BoardsReply),
    "BoardsAdd": Method(BoardsAddCall, BoardsReply),
    "BoardsEdit": Method(BoardsEditCall, BoardsReply),
    "BoardsRename": Method(BoardsRenameCall, BoardsReply),
    "BoardsDelete": Method(BoardsDeleteCall, BoardsReply),
}
