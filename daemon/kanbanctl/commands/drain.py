"""``drain``: let what runs come to its end, and start nothing more."""

import click

from kanban_ipc.control.service import DoneReply, DrainCall
from kanbanctl.parsing import Command
from kanbanctl.session import Session


@click.command("drain", cls=Command)
@click.option("--no-wait", is_flag=True, help="Do not wait until nothing runs.")
@click.pass_obj
def command(
    session: Session,
    *,
    no_wait: bool,
) -> None:
    """Start nothing more, and wait until nothing runs."""
    with session.client(patient=not no_wait) as client:
        reply = client.call("Drain", DrainCall(wait=not no_wait), DoneReply)
    if session.as_json:
        session.output.reply(reply)
    else:
        session.output.line(reply.message)
