"""``list``: tickets, as many as are asked for, page by page."""

from typing import Any, Final, Literal

import click

from kanban_ipc.bounds import LIST_LIMIT_MAX
from kanban_ipc.control.reading import ListCall, ListReply
from kanban_ipc.control.tickets import Ticket
from kanban_ipc.words import Column, TicketState
from kanbanctl import jsonform
from kanbanctl.argument_types import at_least, column, repository, state
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.tickets import show_tickets
from kanbanctl.wording import plural

SORTS: Final = ("id", "priority", "updated", "created", "state", "title", "due")
Sort = Literal["id", "priority", "updated", "created", "state", "title", "due"]


@click.command("list", cls=Command)
@click.option("--board", metavar="BOARD")
@click.option("--state", "states", multiple=True, type=state, help="Several times.")
@click.option("--column", "columns", multiple=True, type=column, help="Several times.")
@click.option("--repo", metavar="PATH", type=repository)
@click.option("--agent", metavar="AGENT")
@click.option("--label", "labels", multiple=True, help="Several times: all of them.")
@click.option("--text", help="In title, description or instructions.")
@click.option("--cancelled", is_flag=True, help="Cancelled tickets too.")
@click.option("--sort", type=click.Choice(SORTS), default="id", show_default=True)
@click.option("-r", "--reverse", is_flag=True, help="The other way round.")
@click.option(
    "--limit",
    type=at_least(0),
    default=100,
    show_default=True,
    help="0 is all.",
)
@click.option("--offset", type=at_least(0), default=0, help="Skip so many.")
@click.option("-q", "--quiet", is_flag=True, help="Print only the numbers.")
@click.option("-w", "--watch", "watched", is_flag=True, help="Go on until Ctrl-C.")
@click.pass_obj
def command(session: Session, /, *, watched: bool, **wishes: Any) -> int:
    """List tickets."""
    if watched:
        from kanbanctl.watching import watch  # noqa: PLC0415 (start-up time)

        return watch(session, lambda: _list(session, **wishes))
    _list(session, **wishes)
    return 0


def _list(
    session: Session,
    /,
    *,
    states: tuple[TicketState, ...],
    columns: tuple[Column, ...],
    repo: str | None,
    labels: tuple[str, ...],
    sort: Sort,
    reverse: bool,
    limit: int,
    offset: int,
    quiet: bool,
    **filters: Any,
) -> None:
    tickets: list[Ticket] = []
    every = 0
    with session.client() as client:
        while True:
            missing = limit - len(tickets) if limit else LIST_LIMIT_MAX
            call = ListCall(
                states=list(states),
                columns=list(columns),
                repo=repo,
                labels=list(labels),
                sort=sort,
                descending=reverse,
                limit=min(missing, LIST_LIMIT_MAX),
                offset=offset + len(tickets),
                **filters,
            )
            page = client.call("List", call, ListReply)
            tickets += page.tickets
            is_enough = bool(limit) and len(tickets) >= limit
            if is_enough or not page.tickets or offset + len(tickets) >= page.total:
                break
        if not (page.total or session.as_json or quiet):
            everything = ListCall(cancelled=True, limit=1)
            every = client.call("List", everything, ListReply).total
    if tickets or session.as_json or quiet:
        _show(session, tickets, page.total, quiet=quiet)
    else:
        session.output.line(_nothing(page.total, every, offset))


def _nothing(matching: int, every: int, offset: int) -> str:
    if matching:
        return f"No ticket after the first {offset:,}; there are {matching:,}."
    if every:
        return f"No ticket matches; there are {every:,}, the cancelled ones included."
    return "No tickets. Add one with 'kanbanctl add TITLE'."


def _show(session: Session, tickets: list[Ticket], total: int, *, quiet: bool) -> None:
    output = session.output
    if output.as_json:
        parts = {"tickets": tickets, "total": total}
        output.document(jsonform.document(parts))
    elif quiet:
        for ticket in tickets:
            output.line(str(ticket.id))
    else:
        show_tickets(output, tickets, session.now_ms())
        if len(tickets) < total:
            shown, every = f"{len(tickets):,}", plural(total, "ticket")
            output.note(f"{shown} of {every}; see all of them with --limit 0")
