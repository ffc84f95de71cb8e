"""``run diff``: what a run changed."""

import click

from kanban_ipc.control.base import TextReply
from kanban_ipc.control.runs import RunDiffCall
from kanbanctl import jsonform, options
from kanbanctl.parsing import Command
from kanbanctl.session import Session


@click.command("diff", cls=Command)
@options.RUN
@click.pass_obj
def command(
    session: Session,
    *,
    run: str,
) -> None:
    """Show what a run changed, as a patch."""
    output = session.output
    call = RunDiffCall(run=run.removeprefix("#"))
    texts: list[str] = []
    is_empty = True
    with session.client() as client:
        for piece in client.stream("RunDiff", call, TextReply):
            is_empty = is_empty and not piece.text
            if session.as_json:
                texts.append(piece.text)
            else:
                output.raw(piece.text)
    if is_empty:
        output.note("the run changed no file of a repository")
    if session.as_json:
        output.document(jsonform.document({"text": "".join(texts)}))
