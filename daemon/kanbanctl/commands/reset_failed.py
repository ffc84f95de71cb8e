"""``reset-failed``: give workers that are FATAL another chance."""

import click

from kanban_ipc.control.workers import ResetFailedCall, WorkersReply
from kanbanctl import options
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.workers import show_workers


@click.command("reset-failed", cls=Command)
@options.WORKERS
@click.pass_obj
def command(
    session: Session,
    *,
    workers: tuple[str, ...],
) -> None:
    """Start FATAL workers again: those named, or all."""
    with session.client() as client:
        call = ResetFailedCall(worker_ids=list(workers))
        reply = client.call("ResetFailed", call, WorkersReply)
    if session.as_json:
        session.output.reply(reply)
    elif reply.workers:
        show_workers(session.output, reply.workers)
    else:
        session.output.line("No worker is FATAL.")
