"""The errors of the interface: what a call may be answered instead of its reply.

One for each thing that a client can do something about; ``message`` is for people.
"""

from typing import Final

from kanban_ipc.control.base import Data


class NotFound(Data, frozen=True, kw_only=True):
    """No such ticket, run, worker, board or agent."""

    what: str
    message: str


class InvalidTransition(Data, frozen=True, kw_only=True):
    state: str
    to: str
    message: str


class StaleState(Data, frozen=True, kw_only=True):
    expected: str
    found: str
    message: str


class TicketLocked(Data, frozen=True, kw_only=True):
    ticket_id: int
    run_id: str
    message: str


class Refused(Data, frozen=True, kw_only=True):
    """A well-formed wish that cannot be granted now; the message says why and what to
    do.
    """

    message: str


class InvalidArgument(Data, frozen=True, kw_only=True):
    """A field of a well-formed call has a value it may not have."""

    field: str
    message: str


class NotPermitted(Data, frozen=True, kw_only=True):
    message: str


class CursorExpired(Data, frozen=True, kw_only=True):
    base: int
    message: str


class ShuttingDown(Data, frozen=True, kw_only=True):
    message: str


class StoreFailed(Data, frozen=True, kw_only=True):
    """The disk or the database refused; nothing was acknowledged."""

    message: str


ControlError = (
    NotFound
    | InvalidTransition
    | StaleState
    | TicketLocked
    | Refused
    | InvalidArgument
    | NotPermitted
    | CursorExpired
    | ShuttingDown
    | StoreFailed
)


ERRORS: Final[dict[str, type[Data]]] = {
    kind.__name__: kind
    for kind in (
        NotFound,
        InvalidTransition,
        StaleState,
        TicketLocked,
        Refused,
        InvalidArgument,
        NotPermitted,
        CursorExpired,
        ShuttingDown,
        StoreFailed,
    )
}
