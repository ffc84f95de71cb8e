"""``comment``: words about tickets."""

from typing import TextIO

import click

from kanban_ipc.control.editing import CommentCall, CommentReply
from kanban_ipc.words import AUTHORS, Author
from kanbanctl import options
from kanbanctl.parsing import Command, text_of
from kanbanctl.session import Session
from kanbanctl.views.changes import say_refused
from kanbanctl.wording import numbers


@click.command("comment", cls=Command)
@options.TICKETS
@click.option("-m", "--message", help="In Markdown.")
@click.option(
    "--file",
    type=click.File(encoding="utf-8"),
    help="The comment is in this file; - is standard input.",
)
@click.option("--author", type=click.Choice(AUTHORS), default="user", show_default=True)
@click.pass_obj
def command(
    session: Session,
    *,
    ids: tuple[int, ...],
    message: str | None,
    file: TextIO | None,
    author: Author,
) -> int:
    """Say something about tickets; 'show' shows it.

    \b
      kanbanctl comment 7 -m "Keep the old name working."
    """  # noqa: D301 (click's mark for a paragraph that is not to be filled)
    if (message is None) == (file is None):
        raise click.UsageError("Give the comment with -m, or with --file.")
    body = message if file is None else text_of(file)
    call = CommentCall(ids=list(ids), body_md=body or "", author=author)
    with session.client() as client:
        reply = client.call("Comment", call, CommentReply)
    if session.as_json:
        session.output.reply(reply)
    elif reply.comments:
        told = numbers(comment.ticket_id for comment in reply.comments)
        session.output.line(f"comment added to {told}")
    return say_refused(reply.refused)
