"""A Markdown checklist: each open box is a ticket.

    - [ ] Sort the imports {agent=shell priority=high repo=. key=sort}
      Prose below an item, indented, is its description.
      ```sh
      ruff check --select I --fix .
      ```
    - [x] Done already: skipped
    - [ ] Run the tests {agent=shell depends=sort}

Fenced code below an item is its instructions; several blocks follow one another. The
braces at the end of a title are optional, ``name=value`` pairs, quotes around a value
with spaces. An indented checklist belongs to the item above it. Everything else in the
file (headings, paragraphs, plain lists, code that is not indented) is passed over.
"""

import re
import shlex
from dataclasses import dataclass, field
from typing import Any, Final

from kanbanctl.tickets_in.items import Cut, Item, Problem

TAB: Final = 4
_BOX: Final = re.compile(r"(?P<indent> *)[-*+] +\[(?P<mark>.?)\](?P<rest>.*)")
_OPTIONS: Final = re.compile(r"(?P<title>.*?)\s*\{(?P<options>\s*\w+\s*=.*)\}\s*")
_FENCE: Final = re.compile(r" *(?P<fence>`{3,}(?=[^`]*$)|~{3,}).*")
"""CommonMark: after backticks, further ones on the line make it inline code."""
_LINK: Final = re.compile(r"[(\[:]")
"""After a bracket: it was a link, not a box."""


@dataclass
class _Entry:
    """The item that is being read."""

    line: int
    indent: int
    values: dict[str, Any]
    is_done: bool
    prose: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)


@dataclass
class _Fence:
    """The code block that is being read."""

    line: int
    mark: str
    indent: int
    is_ours: bool


def cut(text: str) -> Cut:
    """Items, one for each open box."""
    return _Reader().read(text)


class _Reader:
    def __init__(self) -> None:
        self._found = Cut([], [])
        self._entry: _Entry | None = None
        self._fence: _Fence | None = None

    def read(self, text: str) -> Cut:
        for number, raw in enumerate(text.split("\n"), start=1):
            line = raw.rstrip("\r").expandtabs(TAB)
            if self._fence is not None:
                self._in_fence(line)
            else:
                self._outside(number, line)
        if self._fence is not None:
            self._problem(self._fence.line, "this code block is never closed")
        self._close()
        return self._found

    def _outside(self, number: int, line: str) -> None:
        indent = len(line) - len(line.lstrip(" "))
        is_below = self._entry is not None and indent > self._entry.indent
        if not line.strip():
            if self._entry is not None:
                self._entry.prose.append("")
            return
        if not is_below:
            self._close()
        if fence := _FENCE.fullmatch(line):
            self._fence = _Fence(number, fence["fence"], indent, is_below)
        elif is_below:
            assert self._entry is not None
            self._entry.prose.append(line)
        elif box := _BOX.fullmatch(line):
            self._open(number, box)

    def _in_fence(self, line: str) -> None:
        assert self._fence is not None
        mark = line.strip()
        is_end = len(mark) >= len(self._fence.mark) and not mark.strip(
            self._fence.mark[0]
        )
        if is_end:
            self._fence = None
        elif self._fence.is_ours and self._entry is not None:
            self._entry.code.append(_dedent(line, self._fence.indent))

    def _open(self, number: int, box: re.Match[str]) -> None:
        mark, rest = box["mark"], box["rest"]
        if _LINK.match(rest) or mark not in {"", " ", "x", "X"}:
            return
        if mark == "":
            self._problem(number, "an open box is written '[ ]', with a space")
            return
        if rest and not rest.startswith(" "):
            self._problem(number, "a space is missing after the box")
            return
        try:
            values = _title_and_options(rest.strip())
        except ValueError as error:
            self._problem(number, str(error))
            values = {}
        self._entry = _Entry(number, len(box["indent"]), values, mark != " ")

    def _close(self) -> None:
        entry, self._entry = self._entry, None
        if entry is None or entry.is_done or not entry.values:
            return
        description = _block(entry.prose)
        for name, text in (
            ("description", description),
            ("instructions", "\n".join(entry.code)),
        ):
            if text and name in entry.values:
                self._problem(entry.line, f"{name} stands in the braces and below")
            elif text:
                entry.values[name] = text
        self._found.items.append(Item(entry.line, entry.values))

    def _problem(self, line: int, reason: str) -> None:
        self._found.problems.append(Problem(line, reason))


def _title_and_options(text: str) -> dict[str, Any]:
    match = _OPTIONS.fullmatch(text)
    values: dict[str, Any] = {"title": match["title"] if match else text}
    if not values["title"]:
        raise ValueError("the title is empty")
    if match is None:
        return values
    try:
        parts = shlex.split(match["options"])
    except ValueError as error:
        raise ValueError(f"the braces cannot be read: {error}") from error
    for part in parts:
        name, equals, value = part.partition("=")
        if not (equals and name and value):
            raise ValueError(
                f"{part!r:.60} in the braces is not name=value; put a value with "
                'spaces in quotes, such as label="a b"',
            )
        if name in values:
            raise ValueError(f"{name!r} stands twice in the braces")
        values[name] = value
    return values


def _block(lines: list[str]) -> str:
    """The lines without their common indent and without blank ends."""
    indents = [len(line) - len(line.lstrip(" ")) for line in lines if line]
    least = min(indents, default=0)
    return "\n".join(line[least:] for line in lines).strip("\n")


def _dedent(line: str, indent: int) -> str:
    """The line without at most so many leading spaces."""
    spaces = len(line) - len(line.lstrip(" "))
    return line[min(spaces, indent) :]
