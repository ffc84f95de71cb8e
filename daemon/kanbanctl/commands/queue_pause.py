"""``queue pause``: nothing more is started."""

import click

from kanban_ipc.control.queue import QueuePauseCall, QueueReply
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.queue import show_boards, show_queue


@click.command("pause", cls=Command)
@click.option("--board", help="Only this one; else all.")
@click.pass_obj
def command(
    session: Session,
    *,
    board: str | None,
) -> None:
    """Start nothing more; what runs goes on."""
    with session.client() as client:
        reply = client.call("QueuePause", QueuePauseCall(board=board), QueueReply)
    if session.as_json:
        session.output.reply(reply)
        return
    show_queue(session.output, reply.queue)
    session.output.line()
    show_boards(session.output, reply.queue, reply.boards)
