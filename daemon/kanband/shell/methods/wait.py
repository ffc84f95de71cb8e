"""``Wait``: until tickets have reached a state."""

import asyncio
from collections.abc import Sequence
from typing import Final

from kanban_ipc.control import Ticket, WaitCall, WaitReply
from kanban_ipc.words import COLUMN_OF, TICKET_STATES, TicketState
from kanband.shell.methods.answers import invalid
from kanband.shell.methods.arguments import check_ids
from kanband.shell.methods.hints import hints
from kanband.shell.methods.stored import tickets
from kanband.shell.methods.why import reasons
from kanband.shell.ports import Daemon

AT_REST: Final[frozenset[TicketState]] = frozenset(
    state
    for state in TICKET_STATES
    if COLUMN_OF[state] in ("Review", "Done", "Blocked")
)
_BREATH_S: Final = 0.02
"""Between two looks while the journal grows without a pause; never without a hint."""
_ON_THE_WAY: Final = frozenset(("leased", "next", "busy"))
"""Reasons of tickets that come by themselves."""
NOTES_MAX: Final = 5
"""Enough to see what it is about; the others can be asked for."""


async def wait(daemon: Daemon, call: WaitCall) -> WaitReply:
    """Returns when every one is there at the same time, with the tickets as seen; or
    when the patience is at its end, with what they wait for.
    """
    ids = check_ids(call.ids)
    if call.patience_s is not None and call.patience_s < 0:
        raise invalid("patience_s", f"is {call.patience_s:g}; allowed: at least 0")
    wanted = frozenset(call.states) or AT_REST
    found = await tickets(daemon, ids)
    if _there(found, wanted):
        return WaitReply(tickets=found)
    if call.patience_s != 0:
        try:
            async with asyncio.timeout(call.patience_s):
                return WaitReply(tickets=await _arrival(daemon, ids, wanted))
        except TimeoutError:
            found = await tickets(daemon, ids)
    if _there(found, wanted):
        return WaitReply(tickets=found)
    late = [each for each in found if each.state not in wanted]
    return WaitReply(tickets=found, reached=False, notes=await _notes(daemon, late))


def _there(found: Sequence[Ticket], wanted: frozenset[TicketState]) -> bool:
    return all(ticket.state in wanted for ticket in found)


async def _arrival(
    daemon: Daemon, ids: list[int], wanted: frozenset[TicketState]
) -> list[Ticket]:
    async with hints(daemon) as journal:
        async for _ in journal:
            found = await tickets(daemon, ids)
            if _there(found, wanted):
                return found
            await asyncio.sleep(_BREATH_S)
    raise AssertionError("the journal's hints never end")


async def _notes(daemon: Daemon, late: Sequence[Ticket]) -> list[str]:
    """The most telling reason of each that does not come by itself."""
    notes: list[str] = []
    for ticket in late:
        if len(notes) == NOTES_MAX:
            notes.append("others wait as well: kanbanctl why TICKET says what for")
            break
        first = (await reasons(daemon, ticket))[0]
        if first.code not in _ON_THE_WAY:
            notes.append(
                f"ticket {ticket.id} is {ticket.state}: {first.text} (more: kanbanctl "
                f"why {ticket.id})"
            )
    return notes
