"""``schedule pause``: make nothing for a while."""

import click

from kanban_ipc.control.schedules import SchedulePauseCall, ScheduleReply
from kanbanctl.argument_types import at_least
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.schedules import show_schedule


@click.command("pause", cls=Command)
@click.argument("number", type=at_least(1), metavar="SCHEDULE")
@click.pass_obj
def command(session: Session, *, number: int) -> None:
    """Make no tickets until it is resumed."""
    call = SchedulePauseCall(id=number)
    with session.client() as client:
        reply = client.call("SchedulePause", call, ScheduleReply)
    if session.as_json:
        session.output.reply(reply)
    else:
        show_schedule(session.output, reply.schedule, session.now_ms())
