"""What an argument or an option's value may be, besides what click knows.

Each is a function from the text to the value that raises ``click.BadParameter``.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

import click

from kanban_ipc.words import COLUMNS, TICKET_STATES
from kanbanctl import times
from kanbanctl.paths import NoSuchUser, absolute, working_directory

SECONDS_MAX: Final = 366 * 86_400
"""Sockets take no more than some 292 years."""
DIGITS_MAX: Final = 18
"""Of a ticket's number: below the store's 64 bits."""

_SIZE: Final = re.compile(r"(\d{1,12}(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?", re.ASCII)


def seconds(text: str) -> float:
    """``90``, ``90s``, ``5m``: an option's type."""
    try:
        duration_s = times.parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    if duration_s > SECONDS_MAX:
        raise click.BadParameter(f"{text!r:.40} is more than a year")
    return duration_s


def repository(text: str) -> str:
    """A path, made absolute: an option's type."""
    try:
        return absolute(text, working_directory())
    except NoSuchUser as error:
        raise click.BadParameter(str(error)) from error


def new_file(text: str) -> str:
    """A path, made absolute, of what is to be written: an argument's type."""
    return repository(text)


def byte_count(text: str | int) -> int:
    """``500M``, ``10G``, ``1.5 GiB``: an option's type; units are of 1024."""
    match = _SIZE.fullmatch(str(text).strip().lower())
    if match is None:
        raise click.BadParameter(f"{text!r:.40} is not a size, such as 500M or 10G")
    number, unit = match.groups()
    return int(float(number) * 1024 ** "bkmgt".index(unit or "b"))


def ticket_id(text: str) -> int:
    """``7`` or ``#7``: an argument's type."""
    digits = text.removeprefix("#")
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= DIGITS_MAX
    if not is_number or int(digits) == 0:
        raise click.BadParameter(f"{text!r:.40} is not a ticket's number, such as 7")
    return int(digits)


def ticket_or_worker(text: str) -> int | str:
    """``7``, ``#7`` or ``worker-1``: an argument's type. A number is a ticket."""
    if text.removeprefix("#").isdigit():
        return ticket_id(text)
    return text


def at_least(least: int) -> Callable[[str | int], int]:
    """The type of a whole number that is not below ``least``."""

    # Its name is what the help calls such a value.
    def number(text: str | int) -> int:
        try:
            value = int(str(text)[: DIGITS_MAX + 1])
        except ValueError:
            raise click.BadParameter(f"{text!r:.40} is not a number") from None
        if not least <= value < 10**DIGITS_MAX:
            raise click.BadParameter(f"{text} is not a number from {least} on")
        return value

    return number


def one_of(name: str, words: Sequence[str]) -> Callable[[str], str]:
    """The type of a word as the daemon knows it, whatever its case: ``in-progress``.

    ``name``: what the help calls such a value.
    """
    known = {_plain(word): word for word in words}

    def convert(text: str) -> str:
        word = known.get(_plain(text))
        if word is None:
            there = ", ".join(each.replace(" ", "-").lower() for each in words)
            raise click.BadParameter(f"{text!r:.40} is none of {there}")
        return word

    convert.__name__ = name
    return convert


def _plain(word: str) -> str:
    return word.lower().replace(" ", "-").replace("_", "-")


column = one_of("column", COLUMNS)
state = one_of("state", TICKET_STATES)
