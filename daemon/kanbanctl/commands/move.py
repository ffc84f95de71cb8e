"""``move``: a ticket to another column."""

import click

from kanban_ipc.control import MoveCall, TicketReply
from kanban_ipc.words import Column
from kanbanctl.argument_types import column, ticket_id
from kanbanctl.completing import ticket_words
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.tickets import say_ticket


@click.command("move", cls=Command)
@click.argument(
    "ticket_id", type=ticket_id, metavar="TICKET", shell_complete=ticket_words
)
@click.argument("column", type=column)
@click.option("--cancel", is_flag=True, help="End its run first, if it has one.")
@click.pass_obj
def command(
    session: Session,
    *,
    ticket_id: int,
    column: Column,
    cancel: bool,
) -> None:
    """Move a ticket to a column.

    COLUMN: backlog, ready, in-progress, blocked, review or done. Done accepts a ticket
    that is in review; where there is a branch to be merged, done once more says that
    it is merged.
    """
    call = MoveCall(id=ticket_id, to=column, cancel=cancel)
    with session.client(patient=cancel) as client:
        reply = client.call("Move", call, TicketReply)
    if session.as_json:
        session.output.reply(reply)
        return
    ticket = reply.ticket
    say_ticket(session.output, ticket)
    if ticket.state == "approved":
        branch = f" {ticket.branch}" if ticket.branch else ""
        session.output.note(
            f"merge its branch{branch}, then: kanbanctl move {ticket.id} done"
        )
