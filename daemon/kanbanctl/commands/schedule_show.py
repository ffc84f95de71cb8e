"""``schedule show``: one schedule, its ticket and next times."""

import click

from kanban_ipc.control.schedules import ScheduleReply, ScheduleShowCall
from kanbanctl.argument_types import at_least
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.schedules import show_schedule


@click.command("show", cls=Command)
@click.argument("number", type=at_least(1), metavar="SCHEDULE")
@click.pass_obj
def command(session: Session, *, number: int) -> None:
    """Show a schedule with its next times."""
    call = ScheduleShowCall(id=number)
    with session.client() as client:
        reply = client.call("ScheduleShow", call, ScheduleReply)
    if session.as_json:
        session.output.reply(reply)
    else:
        show_schedule(session.output, reply.schedule, session.now_ms())
