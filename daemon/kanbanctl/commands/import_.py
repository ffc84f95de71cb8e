"""``import``: many tickets from a file, checked whole before any is sent."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click

from kanban_ipc.control.adding import ImportCall, ImportReply
from kanbanctl import jsonform
from kanbanctl.argument_types import repository
from kanbanctl.client import Client
from kanbanctl.failures import BadInput, Failure, Refused
from kanbanctl.parsing import Command
from kanbanctl.paths import working_directory
from kanbanctl.session import Session
from kanbanctl.tickets_in import batch
from kanbanctl.tickets_in.fields import Surroundings, ticket
from kanbanctl.tickets_in.items import Problem
from kanbanctl.tickets_in.limits import Malformed
from kanbanctl.wording import numbers, one_line, plural

FILE_BYTES_MAX: Final = 256 << 20
"""A hundred thousand long tickets; beyond it is a mistake, such as a database."""
PROBLEMS_SHOWN: Final = 20
NAMED_MAX: Final = 5
NOTHING: Final = {
    "jsonl": 'it has no line; write {"title": "…"}, one object a line',
    "csv": "it has no row below the headings",
    "markdown": "it has no open box; write '- [ ] ' and a title for each ticket",
}
"""What a file that holds no ticket lacks."""


@click.command("import", cls=Command)
@click.argument("file", metavar="FILE|-")
@click.option(
    "--format",
    "form",
    type=click.Choice(tuple(batch.FORMATS)),
    help="Else as the file's name ends.",
)
@click.option("--board", help="For tickets that name none; else main.")
@click.option(
    "--repo", metavar="PATH", type=repository, help="For tickets that name none."
)
@click.option("--agent", help="For tickets that name none.")
@click.option("--priority", help="For tickets that have none.")
@click.option("--label", "labels", multiple=True, help="For all of them.")
@click.option("--ready", is_flag=True, help="Into Ready, not Backlog.")
@click.option("-q", "--quiet", is_flag=True, help="Print only the numbers.")
@click.pass_obj
def command(
    session: Session,
    *,
    file: str,
    form: str | None,
    board: str | None,
    repo: str | None,
    agent: str | None,
    priority: str | None,
    labels: tuple[str, ...],
    ready: bool,
    quiet: bool,
) -> None:
    """Add the tickets in FILE: JSON Lines, CSV, or a Markdown checklist.

    Fields are named as the options of 'add': title, description, instructions, repo,
    agent, priority, labels, depends, key and so on. A relative repository begins at
    the file's directory. If anything in the file is malformed, nothing is added.

    \b
    In Markdown each open box is a ticket:
      - [ ] Sort imports {agent=shell priority=high repo=. key=sort}
        Indented prose is the description, fenced code the instructions.
      - [x] Boxes that are ticked are skipped.

    What 'export' writes can be read back: a column 'state' says only which tickets are
    done; those are skipped too.
    """  # noqa: D301 (click's mark for a paragraph that is not to be filled)
    form = form or batch.format_of(file)
    if form is None:
        raise click.UsageError(
            f"{file}: say what it is with --format {'|'.join(batch.FORMATS)}.",
        )
    defaults = {
        "board": board,
        "repo": repo,
        "agent": agent,
        "priority": priority,
        "labels": labels or None,
    }
    here = working_directory() if file == "-" else str(Path(file).absolute().parent)
    around = Surroundings(here, session.now_ms(), defaults)
    try:
        ticket({"title": "defaults"}, around)
    except Malformed as error:
        raise click.UsageError(f"{error}.") from error
    name = "standard input" if file == "-" else file
    found = batch.read(_data(file), form, around)
    if found.problems:
        raise BadInput(_listing(name, found.problems, "Nothing was imported."))
    if not found.tickets:
        raise BadInput(f"there is no ticket in {name}: {NOTHING[form]}.")
    with session.client(patient=True) as client:
        _send(session, client, name, found.tickets, ready=ready, quiet=quiet)


def _data(file: str) -> bytes:
    try:
        if file == "-":
            data = sys.stdin.buffer.read(FILE_BYTES_MAX + 1)
        else:
            with Path(file).open("rb") as stream:
                data = stream.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise BadInput(f"cannot read {file}: {error.strerror or error}.") from error
    if len(data) > FILE_BYTES_MAX:
        raise BadInput(f"{file} is over {FILE_BYTES_MAX >> 20} MiB; split it.")
    return data


def _send(
    session: Session,
    client: Client,
    name: str,
    tickets: list[batch.Numbered],
    *,
    ready: bool,
    quiet: bool,
) -> None:
    ids: list[int] = []
    known: list[int] = []
    notes: dict[str, None] = {}
    for page in batch.pages(tickets):
        call = ImportCall(tickets=[one.ticket for one in page], ready=ready)
        try:
            reply = client.call("Import", call, ImportReply)
            if reply.refused:
                lines = [
                    Problem(page[refused.index].line, refused.reason)
                    for refused in reply.refused
                    if 0 <= refused.index < len(page)
                ]
                raise Refused(_listing(name, lines, "This was refused by the daemon."))
        except Failure as failure:
            failure.message += _so_far(ids, len(tickets))
            raise
        ids += reply.ids
        known += reply.known
        notes |= dict.fromkeys(reply.notes)
    _show(session, ids, known, quiet=quiet)
    if not (ready or quiet or session.as_json):
        before = frozenset(known)
        _say_next(session, [each for each in ids if each not in before])
    for note in notes:
        session.output.note(note)


def _so_far(ids: list[int], count: int) -> str:
    if not ids:
        return "\nNo ticket of the file is known to be imported."
    return (
        f"\n{plural(len(ids), 'ticket')} of {count:,} had been imported before "
        f"({numbers(ids)}). Those with a key are not added twice when the "
        "file is imported again."
    )


def _show(session: Session, ids: list[int], known: list[int], *, quiet: bool) -> None:
    output = session.output
    before = frozenset(known)
    added = [each for each in ids if each not in before]
    if output.as_json:
        parts = {"ids": ids, "created": len(added), "known": known}
        output.document(jsonform.document(parts))
    elif quiet:
        for one in ids:
            output.line(str(one))
    else:
        said = f"{plural(len(added), 'ticket')} added: {numbers(added)}"
        if known:
            said = said if added else "no ticket added"
            said += f"; {len(known):,} known by their keys: {numbers(known)}"
        output.line(said)


def _say_next(session: Session, added: list[int]) -> None:
    """What stands in the Backlog does not begin by itself."""
    if not added:
        return
    is_row = added == list(range(added[0], added[-1] + 1))
    if is_row and len(added) > NAMED_MAX:
        which = f"$(seq {added[0]} {added[-1]})"
    else:
        which = " ".join(map(str, added[:NAMED_MAX]))
        which += " …" if len(added) > NAMED_MAX else ""
    session.output.note(
        f"in the Backlog, where nothing begins; let them begin: kanbanctl ready {which}"
    )


def _listing(name: str, problems: Iterable[Problem], conclusion: str) -> str:
    every = list(problems)
    lines = [
        f"{name}:{line}: {one_line(reason)}" for line, reason in every[:PROBLEMS_SHOWN]
    ]
    if len(every) > PROBLEMS_SHOWN:
        lines.append(f"… and {len(every) - PROBLEMS_SHOWN:,} more.")
    return "\n".join([*lines, conclusion])
