"""``why``: what holds a ticket or a worker up."""

import click

from kanban_ipc.control.reading import WhyCall, WhyReply
from kanbanctl.argument_types import ticket_or_worker
from kanbanctl.completing import ticket_or_worker_words
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.tickets import say_ticket, show_reasons
from kanbanctl.views.workers import IN_TROUBLE, say_worker, show_last_lines


@click.command("why", cls=Command)
@click.argument(
    "subject",
    type=ticket_or_worker,
    metavar="TICKET|WORKER",
    shell_complete=ticket_or_worker_words,
)
@click.pass_obj
def command(
    session: Session,
    *,
    subject: int | str,
) -> None:
    """Say why a ticket or a worker is not running, and when it will be tried.

    A number is a ticket.
    """
    if isinstance(subject, int):
        call = WhyCall(id=subject)
    else:
        call = WhyCall(worker_id=subject)
    with session.client() as client:
        reply = client.call("Why", call, WhyReply)
    if session.as_json:
        session.output.reply(reply)
        return
    # Its own reason is in what follows.
    if reply.ticket is not None:
        say_ticket(session.output, reply.ticket, reason=False)
    if reply.worker is not None:
        say_worker(session.output, reply.worker)
    show_reasons(session.output, reply.reasons)
    if reply.worker is not None and reply.worker.state in IN_TROUBLE:
        show_last_lines(session.output, reply.worker)
