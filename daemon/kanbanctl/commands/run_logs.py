"""``run logs``: what the agent wrote."""

from typing import Literal

import click

from kanban_ipc.control.runs import RunLogsCall, RunLogsReply
from kanbanctl import jsonform, options
from kanbanctl.argument_types import at_least
from kanbanctl.parsing import Command
from kanbanctl.session import Session


@click.command("logs", cls=Command)
@options.RUN
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
@click.option("-n", "--lines", type=at_least(0), help="Only the last.")
@click.option(
    "--stream",
    type=click.Choice(("stdout", "stderr", "all")),
    default="all",
    show_default=True,
)
@click.pass_obj
def command(
    session: Session,
    *,
    run: str,
    follow: bool,
    lines: int | None,
    stream: Literal["stdout", "stderr", "all"],
) -> None:
    """Show what a run's agent wrote.

    Its standard error goes to standard error, unless it alone is asked for.
    """
    output = session.output
    call = RunLogsCall(
        run=run.removeprefix("#"),
        stream=stream,
        follow=follow,
        lines=lines,
    )
    is_empty = True
    with session.client() as client:
        for piece in client.stream("RunLogs", call, RunLogsReply, follow=follow):
            is_empty = is_empty and not piece.text
            if session.as_json:
                output.record(jsonform.of_reply(piece))
            else:
                is_error = stream == "all" and piece.stream == "stderr"
                output.raw(piece.text, to_stderr=is_error)
    if is_empty and lines != 0:
        where = "nothing" if stream == "all" else f"nothing to {stream}"
        output.note(f"its agent wrote {where}; how it ended: kanbanctl run show {run}")
