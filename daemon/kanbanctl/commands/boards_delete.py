"""``boards delete``: an empty one."""

import click

from kanban_ipc.control.boards import BoardsDeleteCall, BoardsReply
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.board import show_boards


@click.command("delete", cls=Command)
@click.argument("name")
@click.pass_obj
def command(
    session: Session,
    *,
    name: str,
) -> None:
    """Delete a board that has no ticket."""
    call = BoardsDeleteCall(name=name)
    with session.client() as client:
        reply = client.call("BoardsDelete", call, BoardsReply)
    show_boards(session, reply)
