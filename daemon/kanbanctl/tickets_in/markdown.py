"""A Markdown checklist: each open box is a ticket.

    - [ ] Sort the imports {agent=shell priority=high repo=. key=sort}
      Prose below an item, indented, is its description.
      ```sh
      ruff check --select I --fix .
      ```
    - [x] Done already: skipped
    - [ ] Run the tests {agent=shell depends=sort}

Fenced code below an item is its instructions; several blocks follow one another. A
block whose fence says ``description`` is its description as it stands: what 'export'
writes of one that has code or boxes itself. The braces at the end of a title are
optional, ``name=value`` pairs, quotes around a value with spaces. Everything else in
the file (headings, paragraphs, plain lists, code that is not indented) is passed over.

What looks like a box and is none, or like braces and is none, is a problem rather than
prose: nobody would miss the ticket. So is an open box below an item, which could be a
ticket or a step of the one above.
"""

import re
import shlex
from dataclasses import dataclass, field
from typing import Any, Final

from kanbanctl.tickets_in.fields import ALIASES, FIELDS
from kanbanctl.tickets_in.items import Cut, Item, Problem

TAB: Final = 4
_BOX: Final = re.compile(
    r"(?P<indent> *)(?P<bullet>[-*+]|[0-9]{1,9}[.)])(?P<gap> *)"
    r"\[(?P<mark>[ xX]{2,3}|.?)\](?P<rest>.*)"
)
_OPTIONS: Final = re.compile(r"(?P<title>.*?)\s*\{(?P<options>\s*\w+\s*=.*)\}\s*")
_BRACES: Final = re.compile(r"\{\s*(?P<name>\w+)\s*=[^{}]*(?P<end>\}?)")
"""Anywhere in what was taken for a title."""
_FENCE: Final = re.compile(r" *(?P<fence>`{3,}(?=[^`]*$)|~{3,})(?P<info>.*)")
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
    told: list[str] = field(default_factory=list)
    """A description in a fence: as it is, whatever it looks like."""


@dataclass
class _Fence:
    """The code block that is being read."""

    line: int
    mark: str
    indent: int
    is_ours: bool
    is_description: bool


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
            line = raw.rstrip("\r")
            if self._fence is not None:
                self._in_fence(line)
            else:
                self._outside(number, line.expandtabs(TAB))
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
            is_description = fence["info"].strip() == "description"
            self._fence = _Fence(
                number, fence["fence"], indent, is_below, is_description
            )
        elif is_below:
            assert self._entry is not None
            self._entry.prose.append(line)
            if (box := _box(line)) and box["mark"] == " ":
                self._problem(number, _NESTED)
        elif box := _box(line):
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
            text = _dedent(line, self._fence.indent)
            if self._fence.is_description:
                self._entry.told.append(text)
            else:
                self._entry.code.append(text)

    def _open(self, number: int, box: re.Match[str]) -> None:
        if reason := _flaw(box):
            self._problem(number, reason)
            return
        try:
            values = _title_and_options(box["rest"].strip())
        except ValueError as error:
            self._problem(number, str(error))
            values = {}
        self._entry = _Entry(number, len(box["indent"]), values, box["mark"] != " ")

    def _close(self) -> None:
        entry, self._entry = self._entry, None
        if entry is None or entry.is_done or not entry.values:
            return
        description = "\n".join(entry.told) or _block(entry.prose)
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


_NESTED: Final = (
    "an open box below another item; begin the line at the left to make it a ticket of "
    "its own, or write '-' without a box for a step of the item above"
)


def _box(line: str) -> re.Match[str] | None:
    """What looks like an item with a box, well-formed or not; links are none."""
    box = _BOX.fullmatch(line)
    if box is None or _LINK.match(box["rest"]):
        return None
    is_emphasis = not box["gap"] and box["rest"][:1] not in {"", " "}
    return None if is_emphasis else box


def _flaw(box: re.Match[str]) -> str:
    """Why it is no box; empty: it is one."""
    mark = box["mark"]
    if mark == "":
        return "an open box is written '[ ]', with a space"
    if mark not in {" ", "x", "X"}:
        return (
            f"[{mark}] is neither an open box '[ ]' nor a ticked one '[x]'; write "
            f"'\\[{mark}]' if it is no box"
        )
    if not box["gap"]:
        return "a space is missing before the box; write '- [ ] '"
    if box["rest"] and not box["rest"].startswith(" "):
        return "a space is missing after the box"
    if box["bullet"][0].isdigit():
        return "a ticket is an item of a plain list, not of a numbered one; write '- '"
    return ""


def _check_title(title: str) -> None:
    """Braces in a title are text, unless they are options that went wrong."""
    for braces in _BRACES.finditer(title):
        if not braces["end"]:
            raise ValueError("the braces are never closed; end the line with '}'")
        if braces["name"] in ALIASES or braces["name"] in FIELDS:
            raise ValueError(
                f"{braces.group()!r:.60} stands inside the title; put the braces at "
                "the end of the line"
            )


def _title_and_options(text: str) -> dict[str, Any]:
    match = _OPTIONS.fullmatch(text)
    values: dict[str, Any] = {"title": match["title"] if match else text}
    if not values["title"]:
        raise ValueError("the title is empty")
    _check_title(values["title"])
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
    if not line.startswith(" " * indent):
        line = line.expandtabs(TAB)
    spaces = len(line) - len(line.lstrip(" "))
    return line[min(spaces, indent) :]
