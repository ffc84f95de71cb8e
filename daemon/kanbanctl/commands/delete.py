"""``delete``: tickets that nobody needs any more."""

import sys

import click

from kanban_ipc.control.editing import DeleteCall, Deleted, DeleteReply
from kanbanctl import options
from kanbanctl.output import Output
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.tables import Cell
from kanbanctl.views.changes import say_refused
from kanbanctl.wording import numbers, plural


@click.command("delete", cls=Command)
@options.TICKETS
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def command(
    session: Session,
    *,
    ids: tuple[int, ...],
    yes: bool,
) -> int:
    """Delete tickets for good, each by itself; mostly 'cancel' is what is meant.

    A ticket goes with its comments and the record of its runs. It must not be held by a
    run, and no other ticket may depend on it. What stays: its entries in the journal,
    the files of its runs, its branch and its worktree. Its number is never used again;
    its key is free for a new ticket.
    """
    if not yes:
        _ask(ids)
    with session.client() as client:
        reply = client.call("Delete", DeleteCall(ids=list(ids)), DeleteReply)
    if session.as_json:
        session.output.reply(reply)
    else:
        for deleted in reply.deleted:
            _say(session.output, deleted)
    return say_refused(reply.refused)


def _ask(ids: tuple[int, ...]) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("Nobody can be asked here; give --yes if it is meant.")
    click.confirm(f"Delete {numbers(ids)} for good?", abort=True, err=True)


def _say(output: Output, deleted: Deleted) -> None:
    gone = f", {plural(len(deleted.runs), 'run')} forgotten" if deleted.runs else ""
    output.pieces(
        Cell(f"#{deleted.ticket_id} ", "strong"),
        Cell("deleted", "faint"),
        Cell(f": {deleted.title}{gone}"),
    )
    if deleted.branch:
        there = f", its worktree {deleted.worktree}" if deleted.worktree else ""
        output.note(f"left of #{deleted.ticket_id}: its branch {deleted.branch}{there}")
