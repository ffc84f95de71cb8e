"""``add``: one ticket."""

from typing import Any, TextIO

import click

from kanban_ipc.control.adding import AddCall, AddReply
from kanbanctl import options
from kanbanctl.argument_types import at_least
from kanbanctl.parsing import Command, text_of
from kanbanctl.paths import working_directory
from kanbanctl.session import Session
from kanbanctl.tickets_in.fields import Surroundings, ticket
from kanbanctl.tickets_in.limits import Malformed
from kanbanctl.views.tickets import say_ticket


@click.command("add", cls=Command)
@click.argument("title")
@options.DESCRIPTION
@options.DESCRIPTION_FILE
@options.INSTRUCTIONS
@options.BOARD
@options.REPOSITORY
@options.BASE
@options.AGENT
@options.MODEL
@options.PRIORITY
@options.LABELS
@options.TASK_TYPE
@click.option(
    "--depends-on",
    multiple=True,
    metavar="ID",
    help="A ticket (or its key) that must be completed first; several times.",
)
@options.DUE
@options.TIME_LIMIT
@options.ESTIMATE
@click.option("--max-retries", type=at_least(0), help="Default: 3.")
@click.option("--key", help="Idempotency key: the same key is the same ticket.")
@click.option("--ready", is_flag=True, help="Into Ready, not Backlog.")
@click.option("-q", "--quiet", is_flag=True, help="Print only its number.")
@click.pass_obj
def command(
    session: Session,
    /,
    *,
    file: TextIO | None,
    ready: bool,
    quiet: bool,
    **values: Any,
) -> None:
    """Add a ticket."""
    if file is not None:
        if values["description"] is not None:
            raise click.UsageError("Give the description as text or as a file.")
        values["description"] = text_of(file)
    values["labels"] = values["labels"] or None
    values["depends"] = values.pop("depends_on") or None
    try:
        new = ticket(values, Surroundings(working_directory(), session.now_ms()))
    except Malformed as error:
        raise click.UsageError(f"This is no ticket: {error}.") from error
    with session.client() as client:
        reply = client.call("Add", AddCall(ticket=new, ready=ready), AddReply)
    _show(session, reply, quiet=quiet)


def _show(session: Session, reply: AddReply, *, quiet: bool) -> None:
    output = session.output
    if output.as_json:
        output.reply(reply)
    elif quiet:
        output.line(str(reply.id))
    else:
        say_ticket(output, reply.ticket)
        if not reply.created:
            output.note(f"the key was known: #{reply.id} is the ticket it names")
    if not output.as_json:
        for note in reply.notes:
            output.note(note)
