"""``Add``: one new ticket."""

from collections.abc import Iterator

from kanban_ipc.control import AddCall, AddReply, Ticket
from kanband.config import resolve_agent
from kanband.shell.methods.able import nobody_can
from kanband.shell.methods.answers import refused
from kanband.shell.methods.entering_ready import Needs, obstacles
from kanband.shell.methods.new_ticket import checked
from kanband.shell.methods.woken import wake
from kanband.shell.ports import Daemon


async def add(daemon: Daemon, call: AddCall) -> AddReply:
    """A known idempotency key gives the ticket it names, unchanged."""
    new = await checked(daemon, call.ticket)
    if call.ready:
        for reason in (await obstacles(daemon, [Needs.of(new)])).values():
            raise refused(f"the ticket cannot become Ready: {reason}")
    now_ms = daemon.clock.now_ms()
    outcome = await daemon.store.do(
        lambda verbs: verbs.add([new], ready=call.ready, now_ms=now_ms),
    )
    if outcome.refused:
        raise refused(outcome.refused[0].reason)
    added = outcome.added[0]
    wake(daemon, woke=outcome.woke, tickets=[added.ticket])
    queue = await daemon.store.read(lambda reads: reads.queue())
    return AddReply(
        id=added.ticket.id,
        created=added.created,
        ticket=added.ticket,
        notes=list(_notes(daemon, added.ticket, paused=queue.paused)),
    )


def _notes(daemon: Daemon, ticket: Ticket, *, paused: bool) -> Iterator[str]:
    """What keeps a Ready ticket from being done, as far as it is seen at once."""
    if ticket.state != "ready":
        return
    if paused:
        yield "the queue is paused; go on with: kanbanctl queue resume"
    name = resolve_agent(daemon.config, ticket.agent)
    if name is not None:
        reason = nobody_can(daemon.fleet.infos(), name, ticket.repo_path)
        if reason:
            yield f"it waits: {reason}"
