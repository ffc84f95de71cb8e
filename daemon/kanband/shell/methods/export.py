"""``Export``: whole tickets, for a file that ``Import`` takes."""

from collections.abc import AsyncGenerator
from typing import Final

from kanban_ipc.control import ExportCall, ExportReply, ListCall, Ticket
from kanban_ipc.words import TICKET_STATES, TicketState
from kanband.shell.methods.answers import End
from kanband.shell.methods.arguments import canonical, check_name
from kanband.shell.ports import Daemon
from kanband.store.questions import Reads

PAGE_TICKETS: Final = 100
PAGE_CHARS: Final = 256 << 10
"""Of texts; one ticket may have twice as much, and then is a piece alone."""
_DONE: Final[frozenset[TicketState]] = frozenset(("completed", "cancelled"))


async def export(
    daemon: Daemon, call: ExportCall
) -> AsyncGenerator[ExportReply | End, None]:
    """Those that match at the beginning, as they are when their piece is made."""
    for field in ("board", "agent", "label"):
        check_name(field, getattr(call, field))
    states = call.states or [one for one in TICKET_STATES if one not in _DONE]
    query = ListCall(
        board=call.board,
        states=list(TICKET_STATES) if call.done and not call.states else states,
        columns=call.columns,
        repo=await canonical("repo", call.repo),
        agent=call.agent,
        labels=[] if call.label is None else [call.label],
    )
    left = await daemon.store.read(lambda reads: reads.matching(query))
    tickets, left = await _take(daemon, left)
    while left:
        yield ExportReply(tickets=tickets)
        tickets, left = await _take(daemon, left)
    yield End(ExportReply(tickets=tickets))


async def _take(daemon: Daemon, ids: list[int]) -> tuple[list[Ticket], list[int]]:
    """A piece, and what is left after it."""
    taken, tickets = await daemon.store.read(lambda reads: _page(reads, ids))
    return tickets, ids[taken:]


def _page(reads: Reads, ids: list[int]) -> tuple[int, list[Ticket]]:
    """How many ids were looked at, and the tickets; deleted ones are left out."""
    page: list[Ticket] = []
    size = 0
    for taken, number in enumerate(ids[:PAGE_TICKETS]):
        ticket = reads.ticket(number)
        if ticket is None:
            continue
        size += len(ticket.description_md) + len(ticket.instructions)
        if page and size > PAGE_CHARS:
            return taken, page
        page.append(ticket)
    return min(len(ids), PAGE_TICKETS), page
