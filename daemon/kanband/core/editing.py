"""What an edit makes of a ticket, and what may be changed when.

A live run depends on everything that it was given: its ticket's texts, repository,
agent and limits. What it was not given, or what only the next decision reads, may be
changed while it runs: ``WHILE_HELD``. The key is never changed: it is what the ticket
is known by outside.

Absent: whether agent and repository exist (the shell asks), and whether dependencies
do (the store knows); a circle of dependencies is found here.
"""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import msgspec

from kanban_ipc.control import Clearable, NewTicket, Ticket, TicketEdit
from kanband.core.intake import flaw
from kanband.core.priority import resolve

WHILE_HELD: Final = frozenset(
    ("priority", "labels", "max_retries", "estimated_duration_s")
)
_PLAIN: Final = (
    "title",
    "description_md",
    "instructions",
    "board",
    "repo_path",
    "base_branch",
    "agent",
    "model",
    "task_type",
    "scheduled_at_ms",
    "timeout_s",
    "estimated_duration_s",
    "max_retries",
)
"""Fields that are the same in an edit and in a new ticket."""
_EMPTY: Final[dict[Clearable, object]] = {
    "description_md": "",
    "instructions": "",
    "repo_path": None,
    "base_branch": None,
    "model": None,
    "labels": [],
    "depends_on": [],
    "scheduled_at_ms": None,
    "timeout_s": None,
    "estimated_duration_s": None,
}


class Edited(NamedTuple):
    """A ticket's fields as they would be."""

    new: NewTicket
    """Its priority is a number, its dependencies are numbers in order."""
    actual_duration_s: float | None
    changed: tuple[str, ...]
    """Names of the fields that differ, in the order of ``Ticket``."""


def edited(ticket: Ticket, edit: TicketEdit) -> Edited | str:
    """The outcome; or why no ticket could be like that, as a sentence."""
    before = as_new(ticket)
    values = _changes(ticket, edit)
    number = edit.priority_number
    if edit.priority is not None or number is not None:
        if edit.priority is not None and number is not None:
            return "Give the priority as a word or as a number, not both."
        values["priority_number"] = (
            number if number is not None else resolve(edit.priority, None)[1]
        )
    new = msgspec.structs.replace(before, **values)
    if reason := flaw(new):
        return reason
    actual_s = ticket.actual_duration_s
    if "actual_duration_s" in edit.clear:
        actual_s = None
    if edit.actual_duration_s is not None:
        actual_s = edit.actual_duration_s
        if not actual_s > 0:
            return f"actual_duration_s is {actual_s:g}; it must be more than 0."
    changed = [
        "priority" if name == "priority_number" else name
        for name in NewTicket.__struct_fields__
        if getattr(new, name) != getattr(before, name)
    ]
    if actual_s != ticket.actual_duration_s:
        changed.append("actual_duration_s")
    return Edited(new, actual_s, tuple(changed))


def as_new(ticket: Ticket) -> NewTicket:
    """What would have to be added to get such a ticket."""
    return NewTicket(
        labels=ticket.labels,
        depends_on=ticket.depends_on,
        priority_number=ticket.priority_number,
        key=ticket.key,
        **{name: getattr(ticket, name) for name in _PLAIN},
    )


def _changes(ticket: Ticket, edit: TicketEdit) -> dict[str, object]:
    values: dict[str, object] = {
        name: _EMPTY[name] for name in edit.clear if name in _EMPTY
    }
    for name in _PLAIN:
        if (value := getattr(edit, name)) is not None:
            values[name] = value
    labels = [] if "labels" in edit.clear else ticket.labels
    kept = [label for label in labels if label not in edit.remove_labels]
    values["labels"] = list(dict.fromkeys([*kept, *edit.add_labels]))
    on = set[int]() if "depends_on" in edit.clear else set(ticket.depends_on)
    on = (on - set(edit.remove_depends_on)) | set(edit.add_depends_on)
    values["depends_on"] = sorted(on)
    return values


def due_after(ticket: Ticket, scheduled_ms: int | None) -> int | None:
    """Until when a ready ticket waits under another schedule.

    A schedule that is as before changes nothing: who was told to begin at once is not
    sent back. A retry that waits keeps its time, unless the schedule is later.
    """
    if scheduled_ms == ticket.scheduled_at_ms:
        return ticket.due_at_ms
    is_retry = ticket.due_at_ms != ticket.scheduled_at_ms
    retry_ms = ticket.due_at_ms if is_retry else None
    times = [each for each in (retry_ms, scheduled_ms) if each is not None]
    return max(times, default=None)


def circle(
    ticket_id: int, on: Iterable[int], depends: Callable[[int], Iterable[int]]
) -> list[int]:
    """A way from a ticket over its new dependencies back to itself; empty: none.

    ``depends``: what a ticket depends on now. Dependencies that are met count too: the
    picture that people have of the work shall be free of circles, not only the queue.
    """
    before: dict[int, int] = dict.fromkeys(on, ticket_id)
    waiting = list(before)
    while waiting:
        at = waiting.pop()
        if at == ticket_id:
            return _way_back(ticket_id, before)
        for further in depends(at):
            if further not in before:
                before[further] = at
                waiting.append(further)
    return []


def _way_back(ticket_id: int, before: dict[int, int]) -> list[int]:
    way = [ticket_id, before[ticket_id]]
    while way[-1] != ticket_id:
        way.append(before[way[-1]])
    return way[::-1]
