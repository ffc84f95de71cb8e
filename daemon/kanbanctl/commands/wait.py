"""``wait``: until tickets are where they shall be."""

import click

from kanban_ipc.control import TicketsReply, WaitCall
from kanban_ipc.words import TicketState
from kanbanctl.argument_types import state, ticket_id
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.tickets import say_ticket


@click.command("wait", cls=Command)
@click.argument("ids", nargs=-1, required=True, type=ticket_id, metavar="TICKET...")
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
    call = WaitCall(ids=list(ids), states=list(states))
    with session.client(patient=True) as client:
        reply = client.call("Wait", call, TicketsReply)
    if session.as_json:
        session.output.reply(reply)
        return
    for ticket in reply.tickets:
        say_ticket(session.output, ticket)
