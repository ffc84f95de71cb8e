"""``why``: what holds a ticket up."""

import click

from kanban_ipc.control.reading import WhyCall, WhyReply
from kanbanctl.argument_types import ticket_id
from kanbanctl.completing import ticket_words
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.tickets import say_ticket, show_reasons


@click.command("why", cls=Command)
@click.argument(
    "ticket_id", type=ticket_id, metavar="TICKET", shell_complete=ticket_words
)
@click.pass_obj
def command(
    session: Session,
    *,
    ticket_id: int,
) -> None:
    """Say why a ticket is not running, and when it will be tried."""
    with session.client() as client:
        reply = client.call("Why", WhyCall(id=ticket_id), WhyReply)
    if session.as_json:
        session.output.reply(reply)
        return
    # Its own reason is in what follows.
    say_ticket(session.output, reply.ticket, reason=False)
    show_reasons(session.output, reply.reasons)
