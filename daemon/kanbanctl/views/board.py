"""Boards: a table of them, and one with what stands in its columns.

Side by side where the terminal is wide: empty columns are as narrow as their headings,
the others share what is left. Else, and into a pipe, one column below the other.
"""

from itertools import zip_longest
from typing import Final

from kanban_ipc.control.boards import BoardColumn, BoardReply, BoardsReply
from kanban_ipc.control.queue import BoardQueue
from kanban_ipc.control.tickets import Ticket
from kanbanctl.output import Output
from kanbanctl.session import Session
from kanbanctl.tables import GAP, Cell, cells, cells_wide, cut
from kanbanctl.views.counts import COLUMNS, counts
from kanbanctl.views.tickets import PRIORITY_STYLES, STATE_STYLES, WAITS_FOR
from kanbanctl.wording import one_line

CARD_CELLS_LEAST: Final = 18
"""A number and two words of a title; below it a list reads better."""


def show_boards(session: Session, reply: BoardsReply) -> None:
    """A table; what is in progress with its limit."""
    output = session.output
    if output.as_json:
        output.reply(reply)
        return
    output.table(COLUMNS, [_row(board) for board in reply.boards])


def _row(board: BoardQueue) -> list[Cell]:
    return cells(
        Cell(board.board, "strong"),
        *counts(board),
        Cell("paused", "warn") if board.paused else Cell("no"),
    )


def show_board(output: Output, reply: BoardReply) -> None:
    """Its name, and its columns."""
    paused = Cell("  PAUSED", "warn") if reply.board.paused else Cell("")
    output.pieces(Cell(reply.board.board, "strong"), paused)
    headings = [_heading(reply.board, column) for column in reply.columns]
    widths = _widths(output.width, headings, reply.columns)
    if widths is None:
        _below_each_other(output, headings, reply.columns)
    else:
        _side_by_side(output, headings, reply.columns, widths)


def _heading(board: BoardQueue, column: BoardColumn) -> str:
    if column.column == "In Progress" and board.wip_limit is not None:
        return f"{column.column} {column.total:,}/{board.wip_limit}"
    return f"{column.column} {column.total:,}"


def _widths(
    width: int | None, headings: list[str], columns: list[BoardColumn]
) -> list[int] | None:
    """What each column gets; None: they do not stand side by side."""
    if width is None:
        return None
    filled = sum(bool(column.tickets) for column in columns)
    room = width - len(GAP) * (len(columns) - 1)
    room -= sum(
        len(heading)
        for heading, column in zip(headings, columns, strict=True)
        if not column.tickets
    )
    if room < filled * CARD_CELLS_LEAST or room < 0:
        return None
    share, rest = divmod(room, max(filled, 1))
    widths: list[int] = []
    for heading, column in zip(headings, columns, strict=True):
        if not column.tickets:
            widths.append(len(heading))
        else:
            widths.append(share + (1 if rest > 0 else 0))
            rest -= 1
    return widths


def _side_by_side(
    output: Output,
    headings: list[str],
    columns: list[BoardColumn],
    widths: list[int],
) -> None:
    stacks = [
        [Cell(heading, "heading"), *map(_card, column.tickets), *_more(column)]
        for heading, column in zip(headings, columns, strict=True)
    ]
    for row in zip_longest(*stacks, fillvalue=Cell("")):
        line: list[Cell] = []
        for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
            text = cut(one_line(cell.text), width)
            padding = " " * (width - cells_wide(text)) if place < len(row) - 1 else ""
            line += [Cell(GAP if place else ""), Cell(text, cell.style), Cell(padding)]
        while line and not line[-1].text.strip():
            line.pop()
        output.pieces(*line)


def _below_each_other(
    output: Output, headings: list[str], columns: list[BoardColumn]
) -> None:
    for heading, column in zip(headings, columns, strict=True):
        output.line()
        output.line(heading, "heading")
        for ticket in column.tickets:
            text = one_line(f"{_card(ticket).text}{_said(ticket)}")
            if output.width is not None:
                text = cut(text, output.width - len(GAP))
            output.line(f"{GAP}{text}", _card(ticket).style)
        for cell in _more(column):
            output.line(f"  {cell.text}", cell.style)


def _card(ticket: Ticket) -> Cell:
    """Its colour is its trouble, else its priority."""
    styles = {"failed", "needs_input", "conflicted"}
    style = STATE_STYLES[ticket.state] if ticket.state in styles else ""
    return Cell(
        f"#{ticket.id} {ticket.title}",
        style or PRIORITY_STYLES.get(ticket.priority, ""),
    )


def _said(ticket: Ticket) -> str:
    """What its column does not say."""
    said: list[str] = [ticket.priority] if ticket.priority != "medium" else []
    if ticket.waits_for:
        said.append(f"waits for {WAITS_FOR[ticket.waits_for]}")
    elif ticket.column in {"Blocked", "Review"} and ticket.state != "blocked":
        said.append(ticket.state)
    return f" ({', '.join(said)})" if said else ""


def _more(column: BoardColumn) -> list[Cell]:
    hidden = column.total - len(column.tickets)
    return [Cell(f"… {hidden:,} more", "faint")] if hidden > 0 else []
