"""``boards list``: every board."""

import click

from kanban_ipc.control.boards import BoardsListCall, BoardsReply
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.board import show_boards


@click.command("list", cls=Command)
@click.pass_obj
def command(
    session: Session,
) -> None:
    """List the boards."""
    call = BoardsListCall()
    with session.client() as client:
        reply = client.call("BoardsList", call, BoardsReply)
    show_boards(session, reply)
