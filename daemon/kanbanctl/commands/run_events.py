"""``run events``: what the journal says of a run."""

import click

from kanban_ipc.control.events import EventsReply, RunEventsCall
from kanbanctl import jsonform, options
from kanbanctl.argument_types import at_least
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.events import show_event


@click.command("events", cls=Command)
@options.RUN
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
@click.option("--since", type=at_least(0), metavar="CURSOR", help="After this.")
@click.pass_obj
def command(session: Session, *, run: str, follow: bool, since: int | None) -> None:
    """Show what happened to a run, oldest first.

    Who took it and when, what it asked, how it ended, and what became of its ticket.
    What its agent noted is in 'run show', what it printed in 'run logs'.

    \b
      kanbanctl run events 7                  # the latest run of ticket 7
      kanbanctl run events -f 7 --json        # a line for each, until it ends
    """  # noqa: D301 (click's mark for a paragraph that is not to be filled)
    output = session.output
    call = RunEventsCall(run=run.removeprefix("#"), since=since, follow=follow)
    is_empty = True
    with session.client() as client:
        for page in client.stream("RunEvents", call, EventsReply, follow=follow):
            is_empty = is_empty and not page.events
            for event in page.events:
                if output.as_json:
                    output.record(jsonform.of_reply(event))
                else:
                    show_event(output, event)
            output.flush()
    if is_empty and since is None:
        output.note(
            "the journal no longer has what happened then; how the run ended: "
            f"kanbanctl run show {run}"
        )
