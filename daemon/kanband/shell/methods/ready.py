"""``Ready``: tickets to Ready, all of them or none."""

from kanban_ipc.control import ReadyCall, TicketsReply
from kanband.shell.methods.arguments import check_ids
from kanband.shell.methods.entering_ready import check_ready
from kanband.shell.methods.stored import granted, tickets
from kanband.shell.methods.woken import wake
from kanband.shell.ports import Daemon
from kanband.store.verbs import Moved, Verbs


async def ready(daemon: Daemon, call: ReadyCall) -> TicketsReply:
    """A ticket that is Ready already stays as it is."""
    ids = check_ids(call.ids)
    found = {ticket.id: ticket for ticket in await tickets(daemon, ids)}
    to_move = [each for each in found.values() if each.state != "ready"]
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
