"""What an argument or an option's value may be, besides what click knows.

Each is a function from the text to the value that raises ``click.BadParameter``.
"""

from collections.abc import Callable, Sequence
from typing import Final

import click

from kanban_ipc.words import COLUMNS, TICKET_STATES
from kanbanctl import times

DIGITS_MAX: Final = 18
"""Of a ticket's number: below the store's 64 bits."""


def seconds(text: str) -> float:
    """``90``, ``90s``, ``5m``: an option's type."""
    try:
        return times.parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def ticket_id(text: str) -> int:
    """``7`` or ``#7``: an argument's type."""
    digits = text.removeprefix("#")
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= DIGITS_MAX
    if not is_number or int(digits) == 0:
        raise click.BadParameter(f"{text!r:.40} is not a ticket's number, such as 7")
    return int(digits)


def one_of(words: Sequence[str]) -> Callable[[str], str]:
    """The type of a word as the daemon knows it, whatever its case: ``in-progress``."""
    known = {_plain(word): word for word in words}

    def convert(text: str) -> str:
        word = known.get(_plain(text))
        if word is None:
            raise click.BadParameter(f"{text!r:.40} is none of {', '.join(known)}")
        return word

    return convert


def _plain(word: str) -> str:
    return word.lower().replace(" ", "-").replace("_", "-")


column = one_of(COLUMNS)
state = one_of(TICKET_STATES)
