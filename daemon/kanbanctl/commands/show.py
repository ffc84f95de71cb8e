"""``show``: one ticket, its comments and its runs."""

import click

from kanban_ipc.control.reading import ShowCall, ShowReply
from kanbanctl import options
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.runs import show_runs_of_ticket
from kanbanctl.views.tickets import show_comments, show_ticket


@click.command("show", cls=Command)
@options.TICKET
@click.pass_obj
def command(
    session: Session,
    *,
    ticket_id: int,
) -> None:
    """Show a ticket, its comments and its runs."""
    with session.client() as client:
        reply = client.call("Show", ShowCall(id=ticket_id), ShowReply)
    output = session.output
    if output.as_json:
        output.reply(reply)
        return
    show_ticket(output, reply.ticket, session.now_ms())
    if reply.comments:
        output.line()
        output.line("Comments", "heading")
        show_comments(output, reply.comments, reply.comments_count, session.now_ms())
    if reply.runs:
        output.line()
        output.line("Runs", "heading")
        show_runs_of_ticket(output, reply.runs, session.now_ms())
