"""What the store tells people: why a move was refused, or made.

Both implementations of the verbs use these, so that they say the same.
"""

import shlex
from collections.abc import Sequence
from typing import Final

from kanban_ipc.control import (
    InvalidTransition,
    NotFound,
    Refused,
    StaleState,
    TicketLocked,
)
from kanban_ipc.words import COLUMN_OF, Column, RunId, TicketState
from kanband.core.editing import WHILE_HELD
from kanband.core.tickets import USER

RETRIED: Final = "A user retried it."
CANCELLED: Final = "A user cancelled it; retry it to have it done."
ANSWERED: Final = "A user answered its agent's question."
ACCEPTED: Final = "A user accepted it; its branch waits to be merged."
DEPENDENTS_NAMED_MAX: Final = 5
MERGED: Final = "A user says that it is merged."


def moved(source: TicketState, target: TicketState, *, has_repo: bool = False) -> str:
    """Why a ticket is where it is, after a user's move."""
    if target == "approved":
        return ACCEPTED
    if target == "completed" and has_repo:
        return MERGED
    return f"A user moved it from {COLUMN_OF[source]} to {COLUMN_OF[target]}."


BLOCKED_WITHOUT_REASON: Final = frozenset(
    moved(source, "blocked") for source in USER if "blocked" in USER[source]
)
"""What a blocked ticket says when nobody gave a reason."""


def not_found(ticket_id: int) -> NotFound:
    """No such ticket."""
    return NotFound(what="ticket", message=f"There is no ticket {ticket_id}.")


def unknown_key(key: str) -> str:
    """A dependency by a key that no earlier ticket has."""
    return (
        f"It depends on the key {key!r}, which no ticket has. "
        "Put the ticket with that key before it."
    )


def unknown_dependency(ticket_id: int) -> str:
    """A dependency by a number that no ticket has."""
    return f"It depends on ticket {ticket_id}, which does not exist."


def held_from_editing(
    ticket_id: int, run_id: RunId, fields: Sequence[str]
) -> TicketLocked:
    """A live run was given what is to be changed."""
    free = ", ".join(sorted(WHILE_HELD))
    return TicketLocked(
        ticket_id=ticket_id,
        run_id=run_id,
        message=f"Ticket {ticket_id} is being worked on by run {run_id}, which depends "
        f"on its {', '.join(fields)}; only {free} can be changed now. Wait for its end "
        f"(kanbanctl wait {ticket_id}), or end it (kanbanctl cancel {ticket_id}), "
        f"change it, and kanbanctl retry {ticket_id}.",
    )


def work_elsewhere(ticket_id: int, branch: str, repo_path: str | None) -> Refused:
    """Another repository for work that has begun."""
    where = f" of {repo_path}" if repo_path else ""
    return Refused(
        message=f"Ticket {ticket_id} has work on the branch {branch}{where}, which "
        "another repository would leave behind. Add a new ticket for that repository."
    )


def impossible(ticket_id: int, reason: str) -> Refused:
    """An edit would make a ticket that cannot be."""
    return Refused(message=f"Ticket {ticket_id} cannot be changed like that: {reason}")


def circular(ticket_id: int, way: Sequence[int]) -> Refused:
    """Dependencies that lead back."""
    steps = " → ".join(str(each) for each in way)
    return Refused(
        message=f"Ticket {ticket_id} would wait for itself: {steps} (each depends on "
        "the next). Take one of these dependencies away first: kanbanctl edit TICKET "
        "--not-depends-on OTHER."
    )


def blocked_otherwise(ticket_id: int, state: TicketState) -> InvalidTransition:
    """It stands in Blocked for a reason of its own."""
    return InvalidTransition(
        state=state,
        to="blocked",
        message=f"Ticket {ticket_id} is {state}, so it is in Blocked already and does "
        f"not run by itself. To keep it for later: kanbanctl move {ticket_id} backlog.",
    )


def held_from_deleting(ticket_id: int, run_id: RunId) -> TicketLocked:
    """A live run holds it."""
    return TicketLocked(
        ticket_id=ticket_id,
        run_id=run_id,
        message=f"Ticket {ticket_id} is being worked on by run {run_id} and cannot be "
        f"deleted. End it first: kanbanctl cancel {ticket_id}.",
    )


def depended_on(ticket_id: int, dependents: Sequence[int]) -> Refused:
    """Other tickets would wait for what is no more."""
    some = ", ".join(str(each) for each in dependents[:DEPENDENTS_NAMED_MAX])
    more = len(dependents) - DEPENDENTS_NAMED_MAX
    others = f" and {more} more" if more > 0 else ""
    return Refused(
        message=f"Ticket {ticket_id} cannot be deleted: {some}{others} depend on it. "
        "Delete those before it, or take the dependency away: kanbanctl edit "
        f"{some.replace(',', '')} --not-depends-on {ticket_id}."
    )


def no_board(board: str) -> NotFound:
    """No such board."""
    return NotFound(
        what="board",
        message=f"There is no board {board!r}. kanbanctl boards shows those there are, "
        "kanbanctl boards add makes one.",
    )


def board_exists(board: str) -> Refused:
    """Two of the same name."""
    return Refused(message=f"There is a board {board!r} already. Take another name.")


def board_in_use(board: str, tickets: int) -> Refused:
    """It cannot go before its tickets."""
    those = "a ticket" if tickets == 1 else f"{tickets} tickets"
    return Refused(
        message=f"The board {board!r} has {those}, done and cancelled ones included. "
        "Put them on another (kanbanctl edit TICKET --board OTHER) or delete them "
        f"first; to see them: kanbanctl list --cancelled --board {shlex.quote(board)}."
    )


def no_schedule(schedule_id: int) -> NotFound:
    """No such schedule."""
    return NotFound(
        what="schedule",
        message=f"There is no schedule {schedule_id}; see kanbanctl schedule list.",
    )


def stale_state(
    ticket_id: int, expected: TicketState, found: TicketState
) -> StaleState:
    """The ticket is not where the caller thought."""
    return StaleState(
        expected=expected,
        found=found,
        message=f"Ticket {ticket_id} was expected to be {expected} but is {found}. "
        "Look at it again and repeat the move if it still makes sense.",
    )


def locked(ticket_id: int, run_id: RunId) -> TicketLocked:
    """A live run holds the ticket."""
    return TicketLocked(
        ticket_id=ticket_id,
        run_id=run_id,
        message=f"Ticket {ticket_id} is being worked on by run {run_id}. "
        f"Wait for its end (kanbanctl wait {ticket_id}), or end it: kanbanctl cancel "
        f"{ticket_id}, or kanbanctl move {ticket_id} COLUMN --cancel.",
    )


def no_such_move(ticket_id: int, state: TicketState, to: Column) -> InvalidTransition:
    """The table has no such edge."""
    return InvalidTransition(
        state=state,
        to=to,
        message=f"Ticket {ticket_id} is {state} and cannot be moved to {to}. "
        f"{_ways_on(ticket_id, state)}",
    )


def no_such_move_of_a_run(
    ticket_id: int, state: TicketState, to: Column
) -> InvalidTransition:
    """Not even by cancelling the live run."""
    return InvalidTransition(
        state=state,
        to=to,
        message=f"Ticket {ticket_id} is {state} and cannot be moved to {to}: its run "
        "has not ended. With --cancel it can be moved to Backlog, Ready or Blocked; "
        f"kanbanctl cancel {ticket_id} ends it for good.",
    )


def not_retryable(ticket_id: int, state: TicketState) -> InvalidTransition:
    """Nothing has ended that could be tried again."""
    return InvalidTransition(
        state=state,
        to="ready",
        message=f"Ticket {ticket_id} is {state}; there is nothing to retry. "
        f"{_ways_on(ticket_id, state)}",
    )


def nothing_asked(ticket_id: int, state: TicketState) -> InvalidTransition:
    """Nobody waits for an answer."""
    return InvalidTransition(
        state=state,
        to="ready",
        message=f"Ticket {ticket_id} is {state}; its agent asks nothing. Tickets that "
        "ask are those in needs_input: kanbanctl list --state needs_input.",
    )


def not_cancellable(ticket_id: int, state: TicketState) -> InvalidTransition:
    """It is done."""
    return InvalidTransition(
        state=state,
        to="cancelled",
        message=f"Ticket {ticket_id} is {state}; there is nothing to cancel.",
    )


def no_run_to_cancel(ticket_id: int, state: TicketState) -> Refused:
    """A requeue is of a run, and there is none."""
    return Refused(
        message=f"Ticket {ticket_id} is {state} and has no live run to put back. "
        "Retry it to have it done, or cancel it without requeue."
    )


def _ways_on(ticket_id: int, state: TicketState) -> str:
    """The columns that a user may move it to, in the order of the board."""
    if state == "cancelled":
        return f"Retry it (kanbanctl retry {ticket_id}) to have it done."
    columns = list(
        dict.fromkeys(
            COLUMN_OF[target]
            for target in sorted(USER[state], key=list(COLUMN_OF).index)
            if target != "cancelled"
        )
    )
    ways = f"It can be moved to {' or '.join(columns)}"
    if state == "approved":
        done = f"kanbanctl move {ticket_id} done --merged"
        return f"{ways} (when its branch is merged: {done})."
    return f"{ways}."
