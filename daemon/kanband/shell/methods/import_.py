"""``Import``: many new tickets, all of them or none."""

from collections.abc import Sequence

from kanban_ipc.bounds import IMPORT_TICKETS_MAX
from kanban_ipc.control import ImportCall, ImportReply, NewTicket, Refusal
from kanband.shell.methods.add import new_boards, notes
from kanband.shell.methods.answers import invalid
from kanband.shell.methods.entering_ready import Needs, obstacles
from kanband.shell.methods.new_ticket import reason_against
from kanband.shell.methods.woken import wake
from kanband.shell.ports import Daemon
from kanband.store.values import Added


async def import_(daemon: Daemon, call: ImportCall) -> ImportReply:
    """Refused tickets are named by their position; then nothing is added."""
    if len(call.tickets) > IMPORT_TICKETS_MAX:
        raise invalid(
            "tickets",
            f"has {len(call.tickets)}; allowed: {IMPORT_TICKETS_MAX} in one call, and "
            "any number of calls",
        )
    tickets, against = await _checked(daemon, call)
    if against:
        return ImportReply(ids=[], created=0, refused=against)
    now_ms = daemon.clock.now_ms()
    outcome = await daemon.store.do(
        lambda verbs: verbs.add(tickets, ready=call.ready, now_ms=now_ms),
    )
    added = [each.ticket for each in outcome.added]
    known = [each.ticket.id for each in outcome.added if not each.created]
    wake(daemon, woke=outcome.woke, tickets=added)
    return ImportReply(
        ids=[ticket.id for ticket in added],
        created=sum(each.created for each in outcome.added),
        refused=outcome.refused,
        known=known,
        notes=new_boards(outcome.boards)
        + await notes(daemon, added)
        + _left(outcome.added, ready=call.ready),
    )


def _left(added: Sequence[Added], *, ready: bool) -> list[str]:
    """A known ticket is not moved, whatever the call asks for new ones."""
    left = [
        str(each.ticket.id)
        for each in added
        if ready and not each.created and each.ticket.state == "backlog"
    ]
    if not left:
        return []
    return [f"known before, and still in Backlog; do: kanbanctl ready {' '.join(left)}"]


async def _checked(
    daemon: Daemon, call: ImportCall
) -> tuple[list[NewTicket], list[Refusal]]:
    tickets: list[NewTicket] = []
    against: list[Refusal] = []
    for index, new in enumerate(call.tickets):
        found = await reason_against(daemon, new)
        if isinstance(found, str):
            against.append(Refusal(index=index, title=new.title, reason=found))
        else:
            tickets.append(found)
    if call.ready and not against:
        barred = await obstacles(daemon, [Needs.of(new) for new in tickets])
        for index, new in enumerate(tickets):
            if reason := barred.get(Needs.of(new)):
                text = f"the ticket cannot become Ready: {reason}"
                against.append(Refusal(index=index, title=new.title, reason=text))
    return tickets, against
