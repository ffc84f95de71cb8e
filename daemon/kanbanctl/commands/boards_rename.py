"""``boards rename``: another name."""

import click

from kanban_ipc.control.boards import BoardsRenameCall, BoardsReply
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.board import show_boards


@click.command("rename", cls=Command)
@click.argument("name")
@click.argument("to")
@click.pass_obj
def command(
    session: Session,
    *,
    name: str,
    to: str,
) -> None:
    """Give a board another name; its tickets go with it."""
    call = BoardsRenameCall(name=name, to=to)
    with session.client() as client:
        reply = client.call("BoardsRename", call, BoardsReply)
    show_boards(session, reply)
