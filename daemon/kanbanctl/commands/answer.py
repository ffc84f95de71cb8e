"""``answer``: what a ticket's agent asked."""

import click

from kanban_ipc.control.moving import AnswerCall
from kanban_ipc.control.tickets import TicketReply
from kanbanctl import options
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.tickets import say_ticket


@click.command("answer", cls=Command)
@options.TICKET
@click.argument("text")
@click.option("--free", is_flag=True, help="It need not be one of the choices.")
@click.pass_obj
def command(
    session: Session,
    *,
    ticket_id: int,
    text: str,
    free: bool,
) -> None:
    """Answer what a ticket's agent asks; it goes on where it was.

    'kanbanctl list --state needs_input' has the tickets that ask, 'kanbanctl show
    TICKET' the question and its choices.
    """
    with session.client() as client:
        call = AnswerCall(id=ticket_id, text=text, free=free)
        reply = client.call("Answer", call, TicketReply)
    if session.as_json:
        session.output.reply(reply)
    else:
        say_ticket(session.output, reply.ticket)
