"""CSV with a line of headings: the columns that some ticket has a value in."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from kanbanctl.tickets_out.portable import text_of


def write(items: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The rows; a list is a list in JSON, for what is in it may have commas."""
    headings = list(
        dict.fromkeys(["title", *(name for item in items for name in item)])
    )
    buffer = io.StringIO(newline="")
    rows = csv.writer(buffer, lineterminator="\n")
    rows.writerow(headings)
    for item in items:
        rows.writerow([_cell(item.get(name, "")) for name in headings])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return msgspec.json.encode(value).decode()
    return text_of(value)
