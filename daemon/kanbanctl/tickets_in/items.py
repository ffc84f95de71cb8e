"""What every format is cut into."""

from typing import Any, NamedTuple


class Item(NamedTuple):
    """One ticket as it was written."""

    line: int
    """Where it begins, from 1."""
    values: dict[str, Any]


class Problem(NamedTuple):
    """A place in the file that is not as it has to be."""

    line: int
    reason: str


class Cut(NamedTuple):
    """A file's items and problems, each in the file's order."""

    items: list[Item]
    problems: list[Problem]
