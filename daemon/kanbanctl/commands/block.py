"""``block``: tickets out of the way, with the reason."""

import click

from kanban_ipc.control.moving import BlockCall
from kanban_ipc.control.tickets import ChangedReply
from kanbanctl import options
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.changes import say_changed


@click.command("block", cls=Command)
@options.TICKETS
@click.option("-r", "--reason", required=True, help="Shown by 'why'.")
@click.option("--cancel", is_flag=True, help="End their runs first, if they have any.")
@click.pass_obj
def command(
    session: Session,
    *,
    ids: tuple[int, ...],
    reason: str,
    cancel: bool,
) -> int:
    """Put tickets into Blocked, each by itself, and say why.

    'ready' releases them; a second 'block' changes the reason.

    \b
      kanbanctl block 7 8 --reason "the licence is not clear"
    """  # noqa: D301 (click's mark for a paragraph that is not to be filled)
    call = BlockCall(ids=list(ids), reason=reason, cancel=cancel)
    with session.client(patient=cancel) as client:
        reply = client.call("Block", call, ChangedReply)
    return say_changed(session, reply)
