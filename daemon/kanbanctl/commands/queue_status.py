"""``queue status``: the queue and its boards."""

import click

from kanban_ipc.control import QueueReply, QueueStatusCall
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.queue import show_boards, show_queue


@click.command("status", cls=Command)
@click.pass_obj
def command(session: Session) -> None:
    """Show the queue, as a whole and by board."""
    with session.client() as client:
        reply = client.call("QueueStatus", QueueStatusCall(), QueueReply)
    if session.as_json:
        session.output.reply(reply)
        return
    show_queue(session.output, reply.queue)
    show_boards(session.output, reply.queue, reply.boards)
