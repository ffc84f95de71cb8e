"""``shutdown``: end the daemon."""

import click

from kanban_ipc.control.service import DoneReply, ShutdownCall
from kanbanctl import options
from kanbanctl.parsing import Command
from kanbanctl.session import Session


@click.command("shutdown", cls=Command)
@options.NOW
@click.option(
    "--keep-workers",
    is_flag=True,
    help="Hand over: workers and runs go on for the next daemon.",
)
@click.pass_obj
def command(
    session: Session,
    *,
    now: bool,
    keep_workers: bool,
) -> None:
    """End the daemon, its workers first."""
    if now and keep_workers:
        raise click.UsageError(
            "--now ends what --keep-workers keeps: give one of them."
        )
    call = ShutdownCall(now=now, keep_workers=keep_workers)
    with session.client(patient=True) as client:
        reply = client.call("Shutdown", call, DoneReply)
    if session.as_json:
        session.output.reply(reply)
    else:
        session.output.line(reply.message)
