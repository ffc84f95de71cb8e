"""``boards add``: a board before its first ticket."""

import click

from kanban_ipc.control.boards import BoardsAddCall, BoardsReply
from kanbanctl.argument_types import at_least
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.board import show_boards


@click.command("add", cls=Command)
@click.argument("name")
@click.option("--position", type=at_least(1), help="From 1; else the last.")
@click.option(
    "--wip", type=at_least(0), default=0, help="How many in progress; 0: any number."
)
@click.pass_obj
def command(
    session: Session,
    *,
    name: str,
    position: int | None,
    wip: int,
) -> None:
    """Make a board; the first ticket of a board makes it too."""
    call = BoardsAddCall(name=name, position=position, wip_limit=wip)
    with session.client() as client:
        reply = client.call("BoardsAdd", call, BoardsReply)
    show_boards(session, reply)
