"""``note``: a line in the execution log of the run that this is said in."""

import click

from kanban_ipc.agent import NoteCall
from kanban_ipc.words import LOG_LEVELS, LogLevel
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.voice import Voice


@click.command("note", cls=Command)
@click.argument("message", metavar="TEXT")
@click.option(
    "--level",
    type=click.Choice(LOG_LEVELS),
    default="info",
    show_default=True,
)
@click.pass_obj
def command(session: Session, *, message: str, level: LogLevel) -> None:
    """Keep a line in this run's log, for people.

    For agents, inside a run. 'kanbanctl run show' shows it; what an agent prints is
    kept as well, apart from it.
    """
    voice = Voice(session)
    call = NoteCall(token=voice.run.token, message=message, level=level)
    voice.call("Note", call)
