"""``board``: one board, column by column."""

import click

from kanban_ipc.control.boards import BoardCall, BoardReply
from kanbanctl.argument_types import at_least
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.board import show_board


@click.command("board", cls=Command)
@click.argument("name", required=False)
@click.option(
    "-n",
    "--limit",
    type=at_least(1),
    default=20,
    show_default=True,
    help="Tickets of each column.",
)
@click.pass_obj
def command(
    session: Session,
    *,
    name: str | None,
    limit: int,
) -> None:
    """Show a board: side by side where the terminal is wide, else column by column.

    Without NAME it is the first board. Cancelled tickets are hidden.
    """
    with session.client() as client:
        reply = client.call("Board", BoardCall(name=name, limit=limit), BoardReply)
    if session.as_json:
        session.output.reply(reply)
    else:
        show_board(session.output, reply)
