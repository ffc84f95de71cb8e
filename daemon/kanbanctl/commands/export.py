"""``export``: tickets into a file that ``import`` reads back."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from kanban_ipc.control.reading import ExportCall, ExportReply
from kanban_ipc.control.tickets import Ticket
from kanban_ipc.words import Column, TicketState
from kanbanctl import jsonform
from kanbanctl.argument_types import column, repository, state
from kanbanctl.failures import BadInput
from kanbanctl.output import write
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.tickets_in import batch
from kanbanctl.tickets_out import csvfile, jsonl, markdown
from kanbanctl.tickets_out.portable import portable
from kanbanctl.wording import harmless, plural

WRITERS: Final[Mapping[str, Callable[[Sequence[dict[str, Any]]], Iterator[str]]]] = {
    "jsonl": jsonl.write,
    "csv": csvfile.write,
    "markdown": markdown.write,
}


@click.command("export", cls=Command)
@click.argument("file", metavar="[FILE|-]", default="-")
@click.option(
    "--format",
    "form",
    type=click.Choice(tuple(WRITERS)),
    help="Else as the file's name ends, and jsonl on standard output.",
)
@click.option("--board", metavar="BOARD")
@click.option("--state", "states", multiple=True, type=state, help="Several times.")
@click.option("--column", "columns", multiple=True, type=column, help="Several times.")
@click.option("--repo", metavar="PATH", type=repository)
@click.option("--agent", metavar="AGENT")
@click.option("--label", metavar="LABEL")
@click.option("--all", "done", is_flag=True, help="Completed and cancelled ones too.")
@click.pass_obj
def command(
    session: Session,
    /,
    *,
    file: str,
    form: str | None,
    states: tuple[TicketState, ...],
    columns: tuple[Column, ...],
    repo: str | None,
    done: bool,
    **filters: Any,
) -> None:
    """Write tickets that are not done into FILE: JSON Lines, CSV, or Markdown.

    'import' makes the same tickets of it, with the same keys, here or elsewhere; with
    --all it skips those that are done. Runs, comments and states stay behind.
    """
    form = form or ("jsonl" if file == "-" else batch.format_of(file))
    if form is None:
        raise click.UsageError(
            f"{file}: say what it shall be with --format {'|'.join(WRITERS)}.",
        )
    call = ExportCall(
        states=list(states),
        columns=list(columns),
        repo=repo,
        done=done,
        **filters,
    )
    tickets: list[Ticket] = []
    with session.client() as client:
        for piece in client.stream("Export", call, ExportReply):
            tickets += piece.tickets
    # All of it before the file is touched: a refusal leaves it as it was.
    found = portable(tickets)
    text = "".join(WRITERS[form](found.items))
    if session.as_json and file == "-":
        parts = {"tickets": found.items, "notes": found.notes}
        session.output.document(jsonform.document(parts))
        return
    _write(session, file, text)
    if session.as_json:
        parts = {"file": file, "tickets": len(tickets), "notes": found.notes}
        session.output.document(jsonform.document(parts))
        return
    for note in found.notes:
        session.output.note(note)
    if file != "-":
        session.output.note(f"{plural(len(tickets), 'ticket')} in {file}")


def _write(session: Session, file: str, text: str) -> None:
    if file == "-":
        # A file is to be exact; a terminal shall not be commanded by a title.
        write(sys.stdout, harmless(text) if sys.stdout.isatty() else text)
        session.output.flush()
        return
    try:
        with Path(file).open("w", encoding="utf-8", newline="") as stream:
            stream.write(text)
    except OSError as error:
        raise BadInput(f"cannot write {file}: {error.strerror or error}.") from error
