"""Priorities: four bands by which claims are ordered, and the task API's 1 to 10.

The number is kept as given; only its band orders. Within a band, age decides.
"""

from typing import Final

from kanban_ipc.words import PRIORITIES, Priority

NUMBER_MIN: Final = 1
NUMBER_MAX: Final = 10

_LOWEST: Final[dict[Priority, int]] = {"urgent": 9, "high": 7, "medium": 4, "low": 1}
_NUMBER: Final[dict[Priority, int]] = {"urgent": 10, "high": 8, "medium": 5, "low": 3}


def band(priority: Priority) -> int:
    """0 is the most urgent."""
    return PRIORITIES.index(priority)


def of_number(number: int) -> Priority:
    """From 9, 7, 4 and 1 upwards. Raises ``ValueError`` outside of 1 to 10."""
    if not NUMBER_MIN <= number <= NUMBER_MAX:
        raise ValueError(f"a priority number is from 1 to 10, not {number}")
    return next(word for word in PRIORITIES if number >= _LOWEST[word])


def to_number(priority: Priority) -> int:
    """The number that stands for a word: one inside its band."""
    return _NUMBER[priority]


def resolve(priority: Priority | None, number: int | None) -> tuple[Priority, int]:
    """Both forms from the one that was given; ``medium`` when none was."""
    if number is not None:
        return of_number(number), number
    word = priority or "medium"
    return word, to_number(word)


assert all(of_number(to_number(word)) == word for word in PRIORITIES)
