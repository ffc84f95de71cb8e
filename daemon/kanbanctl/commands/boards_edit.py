"""``boards edit``: its place, its limit."""

import click

from kanban_ipc.control.boards import BoardsEditCall, BoardsReply
from kanbanctl.argument_types import at_least
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.board import show_boards


@click.command("edit", cls=Command)
@click.argument("name")
@click.option("--position", type=at_least(1), help="From 1.")
@click.option("--wip", type=at_least(0), help="How many in progress; 0: any number.")
@click.pass_obj
def command(
    session: Session,
    *,
    name: str,
    position: int | None,
    wip: int | None,
) -> None:
    """Change a board's place or its limit on what is in progress."""
    if position is wip is None:
        raise click.UsageError("Give --position or --wip.")
    call = BoardsEditCall(name=name, position=position, wip_limit=wip)
    with session.client() as client:
        reply = client.call("BoardsEdit", call, BoardsReply)
    show_boards(session, reply)
