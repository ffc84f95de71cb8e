"""CSV with a line of headings. Source: RFC 4180, as Python's ``csv`` reads it.

Columns may stand in any order; an empty cell is an absent value. A cell may hold
several lines in quotes.
"""

import csv
import io
from typing import Final

from kanbanctl.tickets_in.fields import ALIASES, FIELDS, STATE
from kanbanctl.tickets_in.items import Cut, Item, Problem
from kanbanctl.wording import plural

CELL_CHARS_MAX: Final = 1 << 20
"""Above the longest text of a ticket, so that the better message is given."""


def cut(text: str) -> Cut:
    """Items, one for each row."""
    csv.field_size_limit(CELL_CHARS_MAX)
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    found = Cut([], [])
    headings: list[str] = []
    begin = 1
    try:
        for row in rows:
            if not any(cell.strip() for cell in row):
                pass
            elif not headings:
                headings = [cell.strip().lower() for cell in row]
                found.problems.extend(
                    Problem(begin, reason) for reason in _wrong(headings)
                )
                if found.problems:
                    return found
            else:
                _add(found, begin, headings, row)
            begin = rows.line_num + 1
    except csv.Error as error:
        found.problems.append(Problem(begin, f"not CSV: {error}"))
    return found


def _wrong(headings: list[str]) -> list[str]:
    reasons = []
    if "title" not in headings:
        reasons.append("the first line has to name the columns, 'title' among them")
    for heading in dict.fromkeys(headings):
        if headings.count(heading) > 1:
            reasons.append(f"two columns are named {heading!r:.60}")
        if heading not in FIELDS and heading not in ALIASES and heading != STATE:
            reasons.append(f"there is no field {heading!r:.60}")
    return reasons


def _add(found: Cut, line: int, headings: list[str], row: list[str]) -> None:
    if len(row) != len(headings):
        found.problems.append(
            Problem(
                line,
                f"{len(row)} cells under {plural(len(headings), 'heading')}; put "
                "a text with commas or line ends in quotes",
            ),
        )
        return
    values = {
        name: cell for name, cell in zip(headings, row, strict=True) if cell.strip()
    }
    found.items.append(Item(line, values))
