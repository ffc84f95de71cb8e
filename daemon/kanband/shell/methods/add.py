"""``Add``: one new ticket."""

from collections.abc import Iterator, Sequence

from kanban_ipc.control import AddCall, AddReply, Ticket
from kanband.config import resolve_agent
from kanband.shell.methods.able import Task, nobody_can
from kanband.shell.methods.answers import refused
from kanband.shell.methods.entering_ready import Needs, obstacles
from kanband.shell.methods.new_ticket import checked
from kanband.shell.methods.queue_info import ask
from kanband.shell.methods.standstill import standstill
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
    return AddReply(
        id=added.ticket.id,
        created=added.created,
        ticket=added.ticket,
        notes=new_boards(outcome.boards) + await notes(daemon, [added.ticket]),
    )


def new_boards(names: Sequence[str]) -> list[str]:
    """A name that was mistyped makes a board too."""
    return [f"the board {name} is new" for name in names]


async def notes(daemon: Daemon, added: Sequence[Ticket]) -> list[str]:
    """What keeps the Ready ones from being done, as far as it is seen at once."""
    ready = [each for each in added if each.state == "ready"]
    if not ready:
        return []
    queue, boards = await daemon.store.read(ask)
    named = {each.board for each in ready}
    stops = standstill(daemon, queue, [each for each in boards if each.board in named])
    return [reason.text for reason in stops] + list(_unable(daemon, ready))


def _unable(daemon: Daemon, tickets: Sequence[Ticket]) -> Iterator[str]:
    infos = daemon.fleet.infos()
    tasks = [
        Task.of(each, name, infos)
        for each in tickets
        if (name := resolve_agent(daemon.config, each.agent)) is not None
    ]
    for task in dict.fromkeys(tasks):
        if reason := nobody_can(infos, task, daemon.config.mode):
            yield f"it waits: {reason}"
