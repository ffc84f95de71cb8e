"""``logs``: what a worker or the daemon wrote about itself."""

import click

from kanban_ipc.control.base import TextReply
from kanban_ipc.control.service import LogsCall
from kanbanctl import jsonform
from kanbanctl.argument_types import at_least
from kanbanctl.completing import source_words
from kanbanctl.parsing import Command
from kanbanctl.session import Session


@click.command("logs", cls=Command)
@click.argument("source", metavar="WORKER|daemon", shell_complete=source_words)
@click.option("-f", "--follow", is_flag=True, help="Go on as it is written.")
@click.option(
    "-n",
    "--lines",
    type=at_least(0),
    default=100,
    show_default=True,
    help="From the end.",
)
@click.pass_obj
def command(
    session: Session,
    *,
    source: str,
    follow: bool,
    lines: int,
) -> None:
    """Show the log of a worker, or of the daemon."""
    output = session.output
    call = LogsCall(source=source, lines=lines, follow=follow)
    with session.client() as client:
        for piece in client.stream("Logs", call, TextReply, follow=follow):
            if session.as_json:
                output.record(jsonform.of_reply(piece))
            else:
                output.raw(piece.text)
