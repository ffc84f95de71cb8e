"""``scale``: so many workers."""

import click

from kanban_ipc.control.workers import RestartedReply, ScaleCall
from kanbanctl import options
from kanbanctl.argument_types import at_least
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.workers import show_stopped, show_workers


@click.command("scale", cls=Command)
@click.argument("count", type=at_least(0))
@options.NOW
@click.option("--no-wait", is_flag=True, help="Do not wait until it is done.")
@click.pass_obj
def command(
    session: Session,
    *,
    count: int,
    now: bool,
    no_wait: bool,
) -> int:
    """Start or stop workers until there are COUNT; kept over restarts.

    Workers that were started with --agent or --repo are neither counted nor stopped.
    """
    call = ScaleCall(count=count, now=now, wait=not no_wait)
    with session.client(patient=not no_wait) as client:
        reply = client.call("Scale", call, RestartedReply)
    if session.as_json:
        session.output.reply(reply)
    else:
        show_stopped(session.output, reply.stopped)
        show_workers(session.output, reply.workers)
    failed = any(worker.state == "FATAL" for worker in reply.workers)
    return int(failed or any(proof.survivors for proof in reply.stopped))
