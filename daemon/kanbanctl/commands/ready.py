"""``ready``: let tickets be worked on."""

import click

from kanban_ipc.control.moving import ReadyCall
from kanban_ipc.control.tickets import TicketsReply
from kanbanctl import options
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.tickets import say_ticket


@click.command("ready", cls=Command)
@options.TICKETS
@click.pass_obj
def command(
    session: Session,
    *,
    ids: tuple[int, ...],
) -> None:
    """Put tickets into Ready: all of them, or none."""
    with session.client() as client:
        reply = client.call("Ready", ReadyCall(ids=list(ids)), TicketsReply)
    if session.as_json:
        session.output.reply(reply)
        return
    for ticket in reply.tickets:
        say_ticket(session.output, ticket)
