"""How a method ends, besides by returning its reply."""

from typing import NamedTuple

from kanban_ipc.agent import StaleEpoch
from kanban_ipc.control import (
    ControlError,
    InvalidArgument,
    NotFound,
    Refused,
    Reply,
)


class Declined(Exception):
    """The method's answer is one of the interface's errors.

    Raised inside a store's verb it also undoes what the verb's call has done.
    """

    def __init__(self, error: ControlError | StaleEpoch) -> None:
        """``error`` is sent as it is."""
        super().__init__(getattr(error, "message", ""))
        self.error = error


class End(NamedTuple):
    """The last piece of a stream."""

    reply: Reply


def invalid(field: str, message: str) -> Declined:
    """A field has a value it may not have."""
    return Declined(InvalidArgument(field=field, message=f"{field}: {message}"))


def not_found(what: str, message: str) -> Declined:
    """No such ``what``."""
    return Declined(NotFound(what=what, message=message))


def refused(message: str) -> Declined:
    """It cannot be granted now."""
    return Declined(Refused(message=message))
