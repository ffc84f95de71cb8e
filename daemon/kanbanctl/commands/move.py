"""``move``: tickets to another column."""

import click

from kanban_ipc.control.moving import MoveCall
from kanban_ipc.control.tickets import Ticket, TicketReply
from kanban_ipc.words import Column
from kanbanctl import jsonform, options
from kanbanctl.argument_types import column
from kanbanctl.failures import EXIT_REFUSED, Refused
from kanbanctl.output import Output, complain
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.tickets import say_ticket


@click.command("move", cls=Command)
@options.TICKETS
@click.argument("column", type=column)
@click.option("--cancel", is_flag=True, help="End its run first, if it has one.")
@click.option(
    "--merged", is_flag=True, help="To done: its branch is merged, so complete it."
)
@click.pass_obj
def command(
    session: Session,
    *,
    ids: tuple[int, ...],
    column: Column,
    cancel: bool,
    merged: bool,
) -> int:
    """Move tickets to a column, each by itself.

    COLUMN: backlog, ready, in-progress, blocked, review or done. Done accepts a ticket
    that is in review. One with a repository is approved by that, however often it is
    said, and completed when you say that its branch is merged: --merged.
    """
    if merged and column != "Done":
        raise click.UsageError("--merged goes with done.")
    moved: list[Ticket] = []
    refused: list[tuple[int, Refused]] = []
    with session.client(patient=cancel) as client:
        for number in dict.fromkeys(ids):
            call = MoveCall(id=number, to=column, cancel=cancel, merged=merged)
            try:
                moved.append(client.call("Move", call, TicketReply).ticket)
            except Refused as refusal:
                if len(ids) == 1:
                    raise
                refused.append((number, refusal))
                complain(f"#{number}: {refusal.message}")
            else:
                _say(session, moved[-1])
    if session.as_json:
        _as_json(session.output, moved, refused, alone=len(ids) == 1)
    return EXIT_REFUSED if refused else 0


def _say(session: Session, ticket: Ticket) -> None:
    output = session.output
    if output.as_json:
        return
    say_ticket(output, ticket)
    if ticket.state == "approved":
        merge = f"merge its branch {ticket.branch}, then: " if ticket.branch else ""
        output.note(f"{merge}kanbanctl move {ticket.id} done --merged")


def _as_json(
    output: Output,
    moved: list[Ticket],
    refused: list[tuple[int, Refused]],
    *,
    alone: bool,
) -> None:
    if alone:
        output.document(jsonform.document({"ticket": moved[0]}))
        return
    against = [
        {"ticket_id": number, "error": each.kind, "message": each.message}
        for number, each in refused
    ]
    output.document(jsonform.document({"tickets": moved, "refused": against}))
