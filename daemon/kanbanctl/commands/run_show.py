"""``run show``: one run."""

import click

from kanban_ipc.control.runs import RunShowCall, RunShowReply
from kanbanctl import options
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.runs import show_run


@click.command("show", cls=Command)
@options.RUN
@click.pass_obj
def command(
    session: Session,
    *,
    run: str,
) -> None:
    """Show a run and its log."""
    with session.client() as client:
        call = RunShowCall(run=run.removeprefix("#"))
        reply = client.call("RunShow", call, RunShowReply)
    if session.as_json:
        session.output.reply(reply)
    else:
        show_run(session.output, reply, session.now_ms())
