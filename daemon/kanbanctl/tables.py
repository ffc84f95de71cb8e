"""Tables that fit the terminal.

Theory. A column is as wide as its widest cell. When the sum is too wide, the flexible
columns give first, the widest of them by one until all fits or each is at its least.
Then whole columns go, those of the highest ``rank`` first; rank 0 never goes. Text
that was cut ends in an ellipsis. Without a width nothing is cut.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from kanbanctl.wording import one_line

GAP: Final = "  "
FLEXIBLE_LEAST: Final = 12
ELLIPSIS: Final = "…"


class Column(NamedTuple):
    """A column's heading and how it behaves."""

    title: str
    right: bool = False
    flexible: bool = False
    rank: int = 0
    least: int = FLEXIBLE_LEAST
    """Of a flexible one: for more than this, others go."""


class Cell(NamedTuple):
    """A cell's text and its style (a name that ``output`` knows), if any."""

    text: str
    style: str = ""


def cells(*texts: "str | int | Cell") -> list[Cell]:
    """A row."""
    return [t if isinstance(t, Cell) else Cell(str(t)) for t in texts]


def layout(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    width: int | None,
) -> list[list[Cell]]:
    """Lines of padded cells, headings first; joined by ``GAP`` they fit ``width``."""
    heading = [Cell(column.title, "heading") for column in columns]
    table = [
        [Cell(one_line(cell.text), cell.style) for cell in row]
        for row in (heading, *rows)
    ]
    kept = list(range(len(columns)))
    widths = [max(cells_wide(row[i].text) for row in table) for i in kept]
    if width is not None:
        kept = _keep(columns, widths, width)
        widths = _shrink(columns, widths, kept, width)
    return [
        [_fit(row[i], columns[i], widths[i], last=i == kept[-1]) for i in kept]
        for row in table
    ]


def cells_wide(text: str) -> int:
    """How many cells of a terminal the text takes."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width  # noqa: PLC0415 (start-up time)

    return sum(
        0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1
        for char in text
    )


def cut(text: str, width: int) -> str:
    """The text, or its beginning and an ellipsis, in at most ``width`` cells."""
    if cells_wide(text) <= width:
        return text
    if width < 1:
        return ""
    end = min(len(text), width)
    while end and cells_wide(text[:end]) > width - 1:
        end -= 1
    return text[:end].rstrip() + ELLIPSIS


def _least(column: Column, width: int) -> int:
    return min(width, column.least) if column.flexible else width


def _total(widths: list[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _keep(columns: Sequence[Column], widths: list[int], width: int) -> list[int]:
    kept = list(range(len(columns)))
    while True:
        droppable = [i for i in kept if columns[i].rank]
        if (
            not droppable
            or _total([_least(columns[i], widths[i]) for i in kept]) <= width
        ):
            return kept
        kept.remove(max(droppable, key=lambda i: columns[i].rank))


def _shrink(
    columns: Sequence[Column],
    widths: list[int],
    kept: list[int],
    width: int,
) -> list[int]:
    shrunk = list(widths)
    while (excess := _total([shrunk[i] for i in kept]) - width) > 0:
        flexible = [i for i in kept if columns[i].flexible and shrunk[i] > 1]
        if not flexible:
            break
        widest = max(flexible, key=lambda i: shrunk[i])
        others = [shrunk[i] for i in flexible if i != widest]
        # Down to the next widest at once, then one by one.
        step = max(1, min(excess, shrunk[widest] - max(others, default=1)))
        shrunk[widest] -= step
    return shrunk


def _fit(cell: Cell, column: Column, width: int, *, last: bool) -> Cell:
    text = cut(cell.text, width)
    padding = " " * (width - cells_wide(text))
    if column.right:
        text = padding + text
    elif not last:
        text += padding
    return Cell(text, cell.style)
