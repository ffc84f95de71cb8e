"""A board's counts: what two tables of boards have in common."""

from typing import Final

from kanban_ipc.control.queue import BoardQueue
from kanbanctl.tables import Cell, Column

COLUMNS: Final = (
    Column("BOARD", flexible=True),
    Column("BACKLOG", right=True, rank=2),
    Column("READY", right=True),
    Column("IN PROGRESS", right=True),
    Column("BLOCKED", right=True),
    Column("REVIEW", right=True, rank=1),
    Column("DONE", right=True, rank=3),
    Column("PAUSED", rank=4),
)


def counts(board: BoardQueue) -> list[Cell | str]:
    """Its cells from BACKLOG to DONE."""
    return [
        *map(str, (board.backlog, board.ready)),
        _busy_cell(board),
        *map(str, (board.blocked, board.review, board.done)),
    ]


def _busy_cell(board: BoardQueue) -> Cell:
    """How many are in progress, and of how many."""
    if board.wip_limit is None:
        return Cell(str(board.in_progress))
    is_full = board.in_progress >= board.wip_limit
    return Cell(f"{board.in_progress}/{board.wip_limit}", "warn" if is_full else "")
