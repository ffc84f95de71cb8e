"""``workers``: the workers alone."""

import click

from kanban_ipc.control.workers import WorkersCall, WorkersReply
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.workers import show_workers


@click.command("workers", cls=Command)
@click.pass_obj
def command(session: Session) -> None:
    """List the workers."""
    with session.client() as client:
        reply = client.call("Workers", WorkersCall(), WorkersReply)
    if session.as_json:
        session.output.reply(reply)
    else:
        show_workers(session.output, reply.workers)
