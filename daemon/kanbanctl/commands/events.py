"""``events``: the journal, as it was and as it goes on."""

import click

from kanban_ipc.control.events import EventsCall, EventsReply
from kanbanctl import jsonform, options
from kanbanctl.argument_types import at_least
from kanbanctl.failures import Failure
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.events import show_event


@click.command("events", cls=Command)
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens.")
@click.option("--since", type=at_least(0), metavar="CURSOR", help="After this.")
@click.option("--type", "types", multiple=True, help="Several times.")
@options.OF_TICKET
@click.option("-n", "--limit", type=at_least(1), default=100, show_default=True)
@click.pass_obj
def command(
    session: Session,
    *,
    follow: bool,
    since: int | None,
    types: tuple[str, ...],
    ticket_id: int | None,
    limit: int,
) -> None:
    """Show the journal: what happened, oldest first.

    With --json each event is a line. Its first column, 'seq', is the cursor: whoever
    was away goes on after the last one seen by --since, and misses nothing. A cursor
    older than what gc has left is refused, and told where to go on.
    """
    call = EventsCall(
        since=since,
        ticket_id=ticket_id,
        types=list(types),
        follow=follow,
        limit=limit,
    )
    cursor = None
    with session.client() as client:
        try:
            if not follow:
                _show(session, client.call("Events", call, EventsReply))
                return
            for page in client.stream("Events", call, EventsReply, follow=True):
                _show(session, page)
                cursor = page.cursor
        except Failure as failure:
            # Whatever ended it: the daemon left in order, or is gone.
            if cursor is not None and failure.kind != "CursorExpired":
                failure.message += (
                    f"\nGo on without a gap: kanbanctl events -f --since {cursor}"
                )
            raise


def _show(session: Session, page: EventsReply) -> None:
    output = session.output
    for event in page.events:
        if output.as_json:
            output.record(jsonform.of_reply(event))
        else:
            show_event(output, event)
    output.flush()
