"""``run cancel``: end a run."""

import click

from kanban_ipc.control.runs import RunCancelCall, RunReply
from kanbanctl import options
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.runs import say_run


@click.command("cancel", cls=Command)
@options.RUN
@click.option("--requeue", is_flag=True, help="Its ticket becomes Ready again.")
@click.option("--no-wait", is_flag=True, help="Do not wait until it is gone.")
@click.pass_obj
def command(
    session: Session,
    *,
    run: str,
    requeue: bool,
    no_wait: bool,
) -> None:
    """End a run."""
    call = RunCancelCall(run=run.removeprefix("#"), requeue=requeue, wait=not no_wait)
    with session.client(patient=not no_wait) as client:
        reply = client.call("RunCancel", call, RunReply)
    if session.as_json:
        session.output.reply(reply)
    else:
        say_run(session.output, reply.run)
