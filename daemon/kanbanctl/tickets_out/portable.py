"""Tickets without their numbers: each has a key, and dependencies name keys.

A ticket keeps its key. One without is given a key made of its number, which holds in
the file only. Who is depended on comes first, as ``import`` wants it; else the order is
that of age.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from kanban_ipc.control.tickets import Ticket
from kanban_ipc.words import Priority
from kanbanctl.times import rfc3339

DONE: Final = frozenset(("completed", "cancelled"))
_USUAL_NUMBER: Final[Mapping[Priority, int]] = {
    "urgent": 10,
    "high": 8,
    "medium": 5,
    "low": 3,
}
"""What the daemon makes of a word."""


class Portable(NamedTuple):
    """Everything that is to be written, and what a person should know of it."""

    items: list[dict[str, Any]]
    """By the names that ``import`` knows; defaults are left out."""
    notes: list[str]


def text_of(value: str | float) -> str:
    """A value where only text can stand; never in powers of ten."""
    if not isinstance(value, float):
        return str(value)
    from decimal import Decimal  # noqa: PLC0415 (start-up time)

    return format(Decimal(str(value)), "f")


def portable(tickets: Sequence[Ticket]) -> Portable:
    """The tickets in an order in which they can be imported."""
    keys = _keys(tickets)
    notes = _notes(tickets, keys)
    order = _in_order(tickets)
    items = []
    for ticket in order:
        depends = [keys[on] for on in ticket.depends_on if on in keys]
        items.append(_item(ticket, keys[ticket.id], depends))
    return Portable(items, notes)


def _keys(tickets: Sequence[Ticket]) -> dict[int, str]:
    taken = {ticket.key for ticket in tickets}
    keys: dict[int, str] = {}
    for ticket in tickets:
        key = ticket.key or f"ticket-{ticket.id}"
        while ticket.key is None and key in taken:
            key += "-"
        taken.add(key)
        keys[ticket.id] = key
    return keys


def _notes(tickets: Sequence[Ticket], keys: Mapping[int, str]) -> list[str]:
    notes: list[str] = []
    keyless = [ticket.id for ticket in tickets if ticket.key is None]
    if keyless:
        notes.append(
            f"{len(keyless):,} without a key have one of their number in the file, "
            f"such as {keys[keyless[0]]}; imported where they come from, they are "
            "added again"
        )
    notes += [
        f"#{ticket.id} depends on #{on}, which is not in the file: left out"
        for ticket in tickets
        if ticket.state not in DONE
        for on in ticket.depends_on
        if on not in keys
    ]
    return notes


def _in_order(tickets: Sequence[Ticket]) -> list[Ticket]:
    """Dependencies before dependents; the daemon lets no circle arise."""
    by_id = {ticket.id: ticket for ticket in tickets}
    done: dict[int, Ticket] = {}
    for first in sorted(by_id):
        path = [first]
        while path:
            at = by_id[path[-1]]
            missing = [on for on in at.depends_on if on in by_id and on not in done]
            # One that changed while it was exported could close a circle.
            missing = [on for on in missing if on not in path]
            if missing:
                path.append(missing[0])
            else:
                done.setdefault(path.pop(), at)
    return list(done.values())


def _item(ticket: Ticket, key: str, depends: list[str]) -> dict[str, Any]:
    priority: str | int = ticket.priority
    if ticket.priority_number != _USUAL_NUMBER[ticket.priority]:
        priority = ticket.priority_number
    at = ticket.scheduled_at_ms
    item = {
        "title": ticket.title,
        "description": ticket.description_md,
        "instructions": ticket.instructions,
        "board": "" if ticket.board == "main" else ticket.board,
        "repo": ticket.repo_path,
        "base": ticket.base_branch,
        "agent": "" if ticket.agent == "any" else ticket.agent,
        "model": ticket.model,
        "priority": "" if priority == "medium" else priority,
        "labels": ticket.labels,
        "type": "" if ticket.task_type == "general" else ticket.task_type,
        "depends_on_keys": depends,
        "at": None if at is None else rfc3339(at),
        "time_limit": ticket.timeout_s,
        "estimate": ticket.estimated_duration_s,
        "max_retries": None if ticket.max_retries == 3 else ticket.max_retries,  # noqa: PLR2004
        "key": key,
        "state": ticket.state,
    }
    return {name: value for name, value in item.items() if value not in ("", None, [])}
