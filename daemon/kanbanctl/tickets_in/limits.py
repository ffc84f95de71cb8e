"""What a ticket may not exceed, told before anything is sent."""

from typing import Final

from kanban_ipc import bounds
from kanban_ipc.control.tickets import NewTicket

PRIORITY_NUMBERS: Final = range(1, 11)


class Malformed(ValueError):
    """An item is not a ticket; the message says why."""


def check(made: NewTicket) -> None:
    """Refuse what the daemon would. Raises ``Malformed``."""
    for is_wrong, why in (
        (not made.title.strip(), "the title is empty"),
        ("\n" in made.title or "\0" in made.title, "the title is more than one line"),
        (
            len(made.title) > bounds.TICKET_TITLE_CHARS_MAX,
            f"the title is longer than {bounds.TICKET_TITLE_CHARS_MAX} characters",
        ),
        (len(made.labels) > bounds.LABELS_MAX, f"over {bounds.LABELS_MAX} labels"),
        (
            any(len(label) > bounds.LABEL_CHARS_MAX for label in made.labels),
            f"a label is longer than {bounds.LABEL_CHARS_MAX} characters",
        ),
        (
            len(made.depends_on) + len(made.depends_on_keys) > bounds.DEPENDENCIES_MAX,
            f"it depends on more than {bounds.DEPENDENCIES_MAX} tickets",
        ),
        (
            made.priority_number is not None
            and made.priority_number not in PRIORITY_NUMBERS,
            "a priority in numbers is 1 to 10",
        ),
    ):
        if is_wrong:
            raise Malformed(why)
    _check_texts(made)


def _check_texts(made: NewTicket) -> None:
    for name, text in (
        ("description", made.description_md),
        ("instructions", made.instructions),
    ):
        try:
            length = len(text.encode())
        except UnicodeEncodeError as error:
            raise Malformed(f"the {name} is not valid Unicode") from error
        if length > bounds.TICKET_TEXT_BYTES_MAX:
            raise Malformed(
                f"the {name} is {length:,} bytes; at most "
                f"{bounds.TICKET_TEXT_BYTES_MAX:,} are allowed. Put the rest into a "
                "file of the repository",
            )
