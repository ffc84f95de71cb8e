"""``Wait``: until tickets have reached a state."""

import asyncio
from typing import Final

from kanban_ipc.control import TicketsReply, WaitCall
from kanban_ipc.words import COLUMN_OF, TICKET_STATES, TicketState
from kanband.shell.methods.arguments import check_ids
from kanband.shell.methods.hints import hints
from kanband.shell.methods.stored import tickets
from kanband.shell.ports import Daemon

AT_REST: Final[frozenset[TicketState]] = frozenset(
    state
    for state in TICKET_STATES
    if COLUMN_OF[state] in ("Review", "Done", "Blocked")
)
_BREATH_S: Final = 0.02
"""Between two looks while the journal grows without a pause; never without a hint."""


async def wait(daemon: Daemon, call: WaitCall) -> TicketsReply:
    """Returns when every one is there at the same time, with the tickets as seen."""
    ids = check_ids(call.ids)
    wanted = frozenset(call.states) or AT_REST
    async with hints(daemon) as journal:
        async for _ in journal:
            found = await tickets(daemon, ids)
            if all(ticket.state in wanted for ticket in found):
                return TicketsReply(tickets=found)
            await asyncio.sleep(_BREATH_S)
    raise AssertionError("the journal's hints never end")
