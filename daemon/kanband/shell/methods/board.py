"""``Board``: one board, column by column."""

from kanban_ipc.control import (
    BoardCall,
    BoardColumn,
    BoardQueue,
    BoardReply,
    ListCall,
)
from kanban_ipc.words import COLUMNS, Column
from kanband.shell.methods.answers import Declined
from kanband.shell.methods.arguments import check_limit, check_name
from kanband.shell.methods.list_ import short_texts
from kanband.shell.ports import Daemon
from kanband.store.questions import Reads
from kanband.store.sayings import no_board


async def board(daemon: Daemon, call: BoardCall) -> BoardReply:
    """Cancelled tickets are hidden."""
    check_name("name", call.name)
    check_limit(call.limit)
    return await daemon.store.read(lambda reads: _ask(reads, call))


def named(boards: list[BoardQueue], name: str | None) -> BoardQueue:
    """The board of that name, or the first. Raises ``Declined``."""
    for each in boards:
        if name in (None, each.board):
            return each
    raise Declined(no_board(name or "main"))


def _ask(reads: Reads, call: BoardCall) -> BoardReply:
    found = named(reads.boards(), call.name)
    columns = [_column(reads, found.board, each, call.limit) for each in COLUMNS]
    return BoardReply(board=found, columns=columns)


def _column(reads: Reads, name: str, column: Column, limit: int) -> BoardColumn:
    is_done = column == "Done"
    query = ListCall(
        board=name,
        columns=[column],
        sort="updated" if is_done else "priority",
        descending=is_done,
        limit=limit,
    )
    tickets, total = reads.tickets(query)
    return BoardColumn(
        column=column, total=total, tickets=[short_texts(each) for each in tickets]
    )
