"""What a new ticket must be, as far as it can be told from itself.

Absent: whether its repository and its agent exist (the shell asks) and whether its
dependencies do (the store knows).
"""

from kanban_ipc import bounds
from kanban_ipc.control import NewTicket
from kanband.core.priority import NUMBER_MAX, NUMBER_MIN


def flaw(new: NewTicket) -> str | None:
    """Why a ticket cannot be taken, as a sentence; None: it can."""
    return _flaw_of_texts(new) or _flaw_of_numbers(new) or _flaw_of_lists(new)


def _flaw_of_texts(new: NewTicket) -> str | None:
    if not new.title.strip():
        return "The title is empty. Give it at least a word."
    if len(new.title) > bounds.TICKET_TITLE_CHARS_MAX:
        return _too_long("title", len(new.title), bounds.TICKET_TITLE_CHARS_MAX)
    for name, text in (
        ("description", new.description_md),
        ("instructions", new.instructions),
    ):
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > bounds.TICKET_TEXT_BYTES_MAX:
            return _too_long(name, size, bounds.TICKET_TEXT_BYTES_MAX)
    if not new.board or not new.agent:
        return "The board and the agent need a name; leave them out for the default."
    return None


def _flaw_of_numbers(new: NewTicket) -> str | None:
    number = new.priority_number
    if number is not None and new.priority is not None:
        return "Give the priority as a word or as a number, not both."
    if number is not None and not NUMBER_MIN <= number <= NUMBER_MAX:
        return f"The priority number is {number}; it must be from 1 to 10."
    if new.max_retries is not None and new.max_retries < 0:
        return f"max_retries is {new.max_retries}; it must be 0 or more."
    for name, seconds in (
        ("timeout_s", new.timeout_s),
        ("estimated_duration_s", new.estimated_duration_s),
    ):
        if seconds is not None and not seconds > 0:
            return f"{name} is {seconds:g}; it must be more than 0."
    return None


def _flaw_of_lists(new: NewTicket) -> str | None:
    if len(new.labels) > bounds.LABELS_MAX:
        return _too_long("list of labels", len(new.labels), bounds.LABELS_MAX)
    if any(not 0 < len(label) <= bounds.LABEL_CHARS_MAX for label in new.labels):
        return f"A label has from 1 to {bounds.LABEL_CHARS_MAX} characters."
    dependencies = len(new.depends_on) + len(new.depends_on_keys)
    if dependencies > bounds.DEPENDENCIES_MAX:
        return _too_long("list of dependencies", dependencies, bounds.DEPENDENCIES_MAX)
    return None


def _too_long(what: str, size: int, allowed: int) -> str:
    return f"The {what} is too long: {size}, and at most {allowed} is taken."
