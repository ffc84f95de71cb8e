"""``queue status``: the queue and its boards."""

import click

from kanban_ipc.control.queue import QueueReply, QueueStatusCall
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.queue import show_boards, show_queue


@click.command("status", cls=Command)
@click.option("--board", help="Only this one.")
@click.pass_obj
def command(
    session: Session,
    *,
    board: str | None,
) -> None:
    """Show the queue, as a whole and by board."""
    with session.client() as client:
        call = QueueStatusCall(board=board)
        reply = client.call("QueueStatus", call, QueueReply)
    if session.as_json:
        session.output.reply(reply)
        return
    if board is None:
        show_queue(session.output, reply.queue)
        session.output.line()
    show_boards(session.output, reply.queue, reply.boards)
