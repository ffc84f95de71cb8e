"""``Move``: a ticket to a column, as a person may; its live run is cancelled if asked.

A move with ``cancel`` to Backlog or Blocked goes through ``cancelled``: a run that
were ended with its ticket back in Ready could be followed by the next one before the
move.
"""

from kanban_ipc.control import MoveCall, Ticket, TicketReply
from kanban_ipc.words import COLUMN_OF, Column
from kanband.core.tickets import RUN_STATES, state_of_column
from kanband.shell.methods.answers import Declined, invalid
from kanband.shell.methods.arguments import check_id
from kanband.shell.methods.ending import end_runs, wish_end
from kanband.shell.methods.entering_ready import check_ready
from kanband.shell.methods.stored import granted, granted_or_live, one_ticket
from kanband.shell.methods.woken import wake
from kanband.shell.ports import Daemon
from kanband.store.sayings import no_such_move_of_a_run
from kanband.store.values import Cancelling, Moved
from kanband.store.verbs import Verbs


async def move(daemon: Daemon, call: MoveCall) -> TicketReply:
    """The ticket as it is afterwards."""
    check_id(call.id)
    if call.merged and call.to != "Done":
        raise invalid("merged", f"says something of a move to Done, not to {call.to}")
    ticket = await one_ticket(daemon, call.id)
    if call.to == "Ready":
        await check_ready(daemon, [ticket])
    held = ticket.state in RUN_STATES and ticket.run_id is not None
    if call.cancel and held and call.to != COLUMN_OF[ticket.state]:
        if not _from_ready(call.to):
            raise Declined(no_such_move_of_a_run(ticket.id, ticket.state, call.to))
        if call.to == "Ready":
            return TicketReply(ticket=await _requeue(daemon, ticket))
        wish = await wish_end(daemon, ticket.id)
        if wish is not None:
            await end_runs(daemon, [wish], wait=True)
            return TicketReply(ticket=await _through_ready(daemon, ticket, call.to))
    now_ms = daemon.clock.now_ms()
    moved = granted(
        await daemon.store.do(
            lambda verbs: verbs.move(
                call.id, call.to, now_ms=now_ms, merged=call.merged
            )
        )
    )
    wake(daemon, woke=moved.woke, tickets=[moved.ticket])
    return TicketReply(ticket=moved.ticket)


def _from_ready(to: Column) -> bool:
    """Whether a ticket whose run is gone can be put there: it is as one in Ready."""
    return to == "Ready" or state_of_column("ready", to, has_repo=False) is not None


async def _requeue(daemon: Daemon, ticket: Ticket) -> Ticket:
    now_ms = daemon.clock.now_ms()
    (outcome,) = await daemon.store.do(
        lambda verbs: verbs.cancel([ticket.id], requeue=True, now_ms=now_ms)
    )
    begun = granted_or_live(outcome)
    if isinstance(begun, Cancelling):
        await end_runs(daemon, [begun], wait=True)
    return await one_ticket(daemon, ticket.id)


async def _through_ready(daemon: Daemon, ticket: Ticket, to: Column) -> Ticket:
    now_ms = daemon.clock.now_ms()

    def both(verbs: Verbs) -> Moved:
        (freed,) = verbs.retry([ticket.id], fresh=False, now_ms=now_ms)
        granted(freed)
        return granted(verbs.move(ticket.id, to, now_ms=now_ms))

    return (await daemon.store.do(both)).ticket
