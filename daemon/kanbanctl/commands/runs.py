"""``runs``: the latest attempts."""

import click

from kanban_ipc.control.runs import RunsCall, RunsReply
from kanban_ipc.words import RunStatus
from kanbanctl import options
from kanbanctl.argument_types import at_least
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.runs import STATUS_STYLES, show_runs


@click.command("runs", cls=Command)
@options.OF_TICKET
@click.option("--worker", "worker_id", metavar="WORKER")
@click.option("--status", type=click.Choice(tuple(STATUS_STYLES)))
@click.option("--limit", type=at_least(1), default=50, show_default=True)
@click.pass_obj
def command(
    session: Session,
    *,
    ticket_id: int | None,
    worker_id: str | None,
    status: RunStatus | None,
    limit: int,
) -> None:
    """List runs, newest first."""
    call = RunsCall(
        ticket_id=ticket_id,
        worker_id=worker_id,
        status=status,
        limit=limit,
    )
    with session.client() as client:
        reply = client.call("Runs", call, RunsReply)
    if session.as_json:
        session.output.reply(reply)
    elif reply.runs:
        show_runs(session.output, reply.runs, session.now_ms())
    else:
        session.output.line("No runs.")
