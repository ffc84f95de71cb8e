"""``Ready``: tickets to Ready, all of them or none."""

from typing import Final

from kanban_ipc.control import ReadyCall, Ticket, TicketsReply
from kanban_ipc.words import TicketState
from kanband.shell.methods.answers import refused
from kanband.shell.methods.arguments import check_ids
from kanband.shell.methods.entering_ready import check_ready
from kanband.shell.methods.stored import granted, tickets
from kanband.shell.methods.woken import wake
from kanband.shell.ports import Daemon
from kanband.store.values import Moved
from kanband.store.verbs import Verbs

_ON_OR_AGAIN: Final[dict[TicketState, tuple[str, str]]] = {
    "in_review": ("To accept it: kanbanctl move {} done", "retry {}"),
    "approved": ("If it is merged: kanbanctl move {} done --merged", "move {} ready"),
}


async def ready(daemon: Daemon, call: ReadyCall) -> TicketsReply:
    """A ticket that is Ready already stays as it is."""
    ids = check_ids(call.ids)
    found = {ticket.id: ticket for ticket in await tickets(daemon, ids)}
    to_move = [each for each in found.values() if each.state != "ready"]
    for each in to_move:
        _check_not_reviewed(each)
    await check_ready(daemon, to_move)
    now_ms = daemon.clock.now_ms()

    def move_all(verbs: Verbs) -> list[Moved]:
        return [
            granted(verbs.move(each.id, "Ready", now_ms=now_ms, expected=each.state))
            for each in to_move
        ]

    moved = await daemon.store.do(move_all)
    found |= {each.ticket.id: each.ticket for each in moved}
    wake(
        daemon,
        woke=any(each.woke for each in moved),
        tickets=[each.ticket for each in moved],
    )
    return TicketsReply(tickets=list(found.values()))


def _check_not_reviewed(ticket: Ticket) -> None:
    """Its work is done: doing it again has to be meant."""
    ways = _ON_OR_AGAIN.get(ticket.state)
    if ways is not None:
        further, again = (way.format(ticket.id) for way in ways)
        raise refused(
            f"ticket {ticket.id} is {ticket.state}: its run ended well. {further}. To "
            f"have it done again, use kanbanctl {again}"
        )
