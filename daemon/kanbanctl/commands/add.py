"""``add``: one ticket."""

from typing import Any, TextIO

import click

from kanban_ipc.control.adding import AddCall, AddReply
from kanban_ipc.words import TASK_TYPES
from kanbanctl.argument_types import at_least
from kanbanctl.parsing import Command, text_of
from kanbanctl.paths import working_directory
from kanbanctl.session import Session
from kanbanctl.tickets_in.fields import Surroundings, ticket
from kanbanctl.tickets_in.limits import Malformed
from kanbanctl.views.tickets import say_ticket


@click.command("add", cls=Command)
@click.argument("title")
@click.option("-d", "--description", help="In Markdown.")
@click.option(
    "--file",
    type=click.File(encoding="utf-8"),
    help="The description is in this file; - is standard input.",
)
@click.option("-i", "--instructions", help="What the agent shall do.")
@click.option("--board", help="Default: main.")
@click.option("--repo", metavar="PATH", help="The git repository to work on.")
@click.option("--base", metavar="BRANCH", help="Where the work begins; else HEAD.")
@click.option("--agent", help="Who does it; default: any.")
@click.option("--model", help="For agents that have several.")
@click.option("--priority", help="urgent, high, medium, low, or 1 to 10 (10 first).")
@click.option("--label", "labels", multiple=True, help="May be given several times.")
@click.option("--type", "task_type", type=click.Choice(TASK_TYPES))
@click.option(
    "--depends-on",
    multiple=True,
    metavar="ID",
    help="A ticket (or its key) that must be completed first; several times.",
)
@click.option("--at", metavar="TIME", help="Not before: 18:30, +90m, or a date.")
@click.option("--time-limit", metavar="TIME", help="Of one run, such as 20m.")
@click.option("--estimate", metavar="TIME", help="How long it will take.")
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
