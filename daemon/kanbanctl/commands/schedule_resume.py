"""``schedule resume``: go on."""

import click

from kanban_ipc.control.schedules import ScheduleReply, ScheduleResumeCall
from kanbanctl.argument_types import at_least
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.schedules import show_schedule


@click.command("resume", cls=Command)
@click.argument("number", type=at_least(1), metavar="SCHEDULE")
@click.pass_obj
def command(session: Session, *, number: int) -> None:
    """Go on with the next due time."""
    call = ScheduleResumeCall(id=number)
    with session.client() as client:
        reply = client.call("ScheduleResume", call, ScheduleReply)
    if session.as_json:
        session.output.reply(reply)
    else:
        show_schedule(session.output, reply.schedule, session.now_ms())
