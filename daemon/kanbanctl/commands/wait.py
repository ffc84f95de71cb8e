"""``wait``: until tickets are where they shall be."""

from typing import Final

import click

from kanban_ipc.control.reading import WaitCall, WaitReply
from kanban_ipc.control.tickets import Ticket
from kanban_ipc.words import TicketState
from kanbanctl import options
from kanbanctl.argument_types import state
from kanbanctl.client import Client
from kanbanctl.failures import TimedOut
from kanbanctl.parsing import Command
from kanbanctl.session import QUICK_TIMEOUT_S, Session
from kanbanctl.views.tickets import say_ticket
from kanbanctl.wording import listed

LATE_SHOWN: Final = 10


@click.command("wait", cls=Command)
@options.TICKETS
@click.option(
    "--for",
    "states",
    multiple=True,
    type=state,
    metavar="STATE",
    help="Such as in_review; several times. Else until it rests.",
)
@click.pass_obj
def command(
    session: Session,
    *,
    ids: tuple[int, ...],
    states: tuple[TicketState, ...],
) -> None:
    """Wait until every ticket has reached a state.

    Without --for: until each rests in Review, Done or Blocked. With --timeout: exit
    code 75 when it takes longer.
    """
    with session.client() as client:
        reply = _ask(client, ids, states, 0)
    if not reply.reached:
        for note in reply.notes:
            session.output.note(note)
        with session.client(patient=True, grace_s=QUICK_TIMEOUT_S) as client:
            reply = _ask(client, ids, states, session.timeout_s)
    if not reply.reached:
        raise TimedOut(_late(reply.tickets, states, session.timeout_s or 0))
    if session.as_json:
        session.output.reply(reply)
        return
    for ticket in reply.tickets:
        say_ticket(session.output, ticket)


def _ask(
    client: Client,
    ids: tuple[int, ...],
    states: tuple[TicketState, ...],
    patience_s: float | None,
) -> WaitReply:
    call = WaitCall(ids=list(ids), states=list(states), patience_s=patience_s)
    return client.call("Wait", call, WaitReply)


def _late(
    tickets: list[Ticket], states: tuple[TicketState, ...], patience_s: float
) -> str:
    late = [ticket for ticket in tickets if not _is_there(ticket, states)]
    shown = [f"#{ticket.id} is {ticket.state}" for ticket in late[:LATE_SHOWN]]
    if len(late) > LATE_SHOWN:
        shown.append(f"{len(late) - LATE_SHOWN:,} more are not there")
    return (
        f"not there after {patience_s:g} s: {listed(shown)}. What a ticket waits for: "
        f"kanbanctl why {late[0].id if late else 'TICKET'}"
    )


def _is_there(ticket: Ticket, states: tuple[TicketState, ...]) -> bool:
    if states:
        return ticket.state in states
    return ticket.column in {"Review", "Done", "Blocked"}
