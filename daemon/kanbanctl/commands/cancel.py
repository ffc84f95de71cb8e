"""``cancel``: tickets with what runs for them."""

import click

from kanban_ipc.control.moving import CancelCall, CancelledReply
from kanbanctl import options
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.runs import say_run
from kanbanctl.views.tickets import say_ticket


@click.command("cancel", cls=Command)
@options.TICKETS
@click.option("--requeue", is_flag=True, help="Its run only: it becomes Ready again.")
@click.option("--no-wait", is_flag=True, help="Do not wait until the runs are gone.")
@click.pass_obj
def command(
    session: Session,
    *,
    ids: tuple[int, ...],
    requeue: bool,
    no_wait: bool,
) -> None:
    """Cancel tickets, and end what runs for them."""
    call = CancelCall(ids=list(ids), requeue=requeue, wait=not no_wait)
    with session.client(patient=not no_wait) as client:
        reply = client.call("Cancel", call, CancelledReply)
    if session.as_json:
        session.output.reply(reply)
        return
    for ticket in reply.tickets:
        say_ticket(session.output, ticket)
    for run in reply.runs:
        say_run(session.output, run)
