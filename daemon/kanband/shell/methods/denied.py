"""Wishes about several tickets, each granted or refused by itself."""

from collections.abc import Sequence
from typing import TypeVar

from kanban_ipc.control import (
    Denial,
    InvalidTransition,
    NotFound,
    Refused,
    StaleState,
    TicketLocked,
)
from kanband.shell.methods.answers import Declined

T = TypeVar("T")
_REFUSALS = NotFound | InvalidTransition | StaleState | TicketLocked | Refused


def sorted_out(
    ids: Sequence[int], answers: Sequence[T | _REFUSALS]
) -> tuple[list[T], list[Denial]]:
    """What was granted and what was refused; that of one alone is ``Declined``."""
    granted: list[T] = []
    denied: list[Denial] = []
    for ticket_id, answer in zip(ids, answers, strict=True):
        if not isinstance(answer, _REFUSALS):
            granted.append(answer)
        elif len(ids) == 1:
            raise Declined(answer)
        else:
            name = type(answer).__name__
            denied.append(
                Denial(ticket_id=ticket_id, error=name, message=answer.message)
            )
    return granted, denied
