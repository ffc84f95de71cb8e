"""``retry``: tickets that failed, once more."""

import click

from kanban_ipc.control.moving import RetryCall
from kanban_ipc.control.tickets import TicketsReply
from kanbanctl import options
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.tickets import say_ticket


@click.command("retry", cls=Command)
@options.TICKETS
@click.option("--fresh", is_flag=True, help="Start clean, not where it was left.")
@click.pass_obj
def command(
    session: Session,
    *,
    ids: tuple[int, ...],
    fresh: bool,
) -> None:
    """Try tickets again, with a new budget of attempts."""
    call = RetryCall(ids=list(ids), fresh=fresh)
    with session.client() as client:
        reply = client.call("Retry", call, TicketsReply)
    if session.as_json:
        session.output.reply(reply)
        return
    for ticket in reply.tickets:
        say_ticket(session.output, ticket)
