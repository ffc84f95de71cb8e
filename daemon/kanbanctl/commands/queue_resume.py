"""``queue resume``: go on."""

import click

from kanban_ipc.control.queue import QueueReply, QueueResumeCall
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.queue import show_boards, show_queue


@click.command("resume", cls=Command)
@click.option("--board", help="Only this one; else all.")
@click.option("--provider", help="End this provider's cool-down instead of a pause.")
@click.pass_obj
def command(
    session: Session,
    *,
    board: str | None,
    provider: str | None,
) -> None:
    """Start tickets again."""
    with session.client() as client:
        call = QueueResumeCall(board=board, provider=provider)
        reply = client.call("QueueResume", call, QueueReply)
    if session.as_json:
        session.output.reply(reply)
        return
    show_queue(session.output, reply.queue)
    session.output.line()
    show_boards(session.output, reply.queue, reply.boards)
    for note in reply.notes:
        session.output.note(note)
