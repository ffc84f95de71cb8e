"""A whole file of tickets: checked before anything is sent, and cut into pages."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePath
from typing import Any, Final, NamedTuple

import msgspec

from kanban_ipc.bounds import CONTROL_REQUEST_BYTES_MAX, IMPORT_TICKETS_MAX
from kanban_ipc.control.tickets import NewTicket
from kanban_ipc.words import TICKET_STATES
from kanbanctl.tickets_in import csvfile, jsonl, markdown
from kanbanctl.tickets_in.fields import STATE, Surroundings, ticket
from kanbanctl.tickets_in.items import Cut, Problem
from kanbanctl.tickets_in.limits import Malformed

FORMATS: Final[Mapping[str, Callable[[str], Cut]]] = {
    "jsonl": jsonl.cut,
    "csv": csvfile.cut,
    "markdown": markdown.cut,
}
EXTENSIONS: Final[Mapping[str, str]] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".md": "markdown",
    ".markdown": "markdown",
}
PAGE_BYTES_MAX: Final = CONTROL_REQUEST_BYTES_MAX // 2
"""Tickets of one call as JSON; the rest is room for what is around them."""


class Numbered(NamedTuple):
    """A ticket and the line it begins on."""

    line: int
    ticket: NewTicket


class Batch(NamedTuple):
    """The tickets of a file; fit to be sent when there are no problems."""

    tickets: list[Numbered]
    problems: list[Problem]


def format_of(path: str) -> str | None:
    """The format that a file's name stands for."""
    return EXTENSIONS.get(PurePath(path).suffix.lower())


def read(data: bytes, form: str, around: Surroundings) -> Batch:
    """Everything in a file. ``form`` is one of ``FORMATS``."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Batch([], [Problem(line, f"not UTF-8: {error.reason}")])
    found = FORMATS[form](text)
    tickets: list[Numbered] = []
    problems = list(found.problems)
    for item in found.items:
        try:
            if not is_done(item.values):
                tickets.append(Numbered(item.line, ticket(item.values, around)))
        except Malformed as error:
            problems.append(Problem(item.line, str(error)))
    problems += key_problems(tickets)
    return Batch(tickets, sorted(problems))


def is_done(values: dict[str, Any]) -> bool:
    """Whether an item is of a ticket that is done, like a ticked box; takes its state
    away. Raises ``Malformed``.
    """
    state = values.pop(STATE, None)
    if state is None:
        return False
    if state not in TICKET_STATES:
        raise Malformed(f"there is no state {state!r:.40}")
    return state in {"completed", "cancelled"}


def key_problems(tickets: list[Numbered]) -> list[Problem]:
    """Keys that stand twice, and dependencies on what only comes later."""
    first: dict[str, int] = {}
    problems: list[Problem] = []
    for line, one in tickets:
        if one.key is None:
            continue
        if one.key in first:
            reason = f"the key {one.key!r:.60} stands in line {first[one.key]} already"
            problems.append(Problem(line, reason))
        else:
            first[one.key] = line
    for line, one in tickets:
        problems += [
            Problem(line, f"it depends on {key!r:.60}, which only follows in line {at}")
            for key in one.depends_on_keys
            if (at := first.get(key, 0)) >= line
        ]
    return problems


def pages(tickets: list[Numbered]) -> Iterator[list[Numbered]]:
    """The tickets in their order, in calls that the daemon takes."""
    page: list[Numbered] = []
    page_bytes = 0
    for one in tickets:
        length = len(msgspec.json.encode(one.ticket))
        if page and (
            len(page) == IMPORT_TICKETS_MAX or page_bytes + length > PAGE_BYTES_MAX
        ):
            yield page
            page, page_bytes = [], 0
        page.append(one)
        page_bytes += length
    if page:
        yield page
