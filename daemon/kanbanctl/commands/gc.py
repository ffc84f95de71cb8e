"""``gc``: free what nobody needs any more."""

import click

from kanban_ipc.control.upkeep import GcCall, GcReply
from kanbanctl.argument_types import byte_count, seconds
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.gc import show_freed


@click.command("gc", cls=Command)
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be freed.")
@click.option(
    "--keep",
    "keep_s",
    type=seconds,
    default="30d",
    show_default=True,
    metavar="TIME",
    help="Everything that is younger stays.",
)
@click.option(
    "--keep-size",
    type=byte_count,
    metavar="SIZE",
    help="Beyond so much, such as 10G, runs go although they are younger.",
)
@click.pass_obj
def command(
    session: Session, *, dry_run: bool, keep_s: float, keep_size: int | None
) -> int:
    """Free disk space: old runs, worktrees, logs, and the journal's oldest entries.

    The latest run of a ticket that is not done always stays. A worktree goes when its
    ticket is done, nothing in it is uncommitted and its branch is merged or empty; no
    branch and no commit is ever removed. Tickets and runs stay in the store.

    \b
    kanbanctl gc --dry-run
    kanbanctl gc --keep 7d --keep-size 20G
    """  # noqa: D301 - click's mark
    call = GcCall(dry_run=dry_run, keep_s=keep_s, keep_bytes=keep_size)
    with session.client(patient=True) as client:
        reply = client.call("Gc", call, GcReply)
    if session.as_json:
        session.output.reply(reply)
    else:
        show_freed(session.output, reply)
    return 0
