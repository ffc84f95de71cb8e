"""``schedule list``: all schedules."""

import click

from kanban_ipc.control.schedules import ScheduleListCall, ScheduleListReply
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.schedules import show_schedules


@click.command("list", cls=Command)
@click.pass_obj
def command(session: Session) -> None:
    """List schedules with their next time."""
    with session.client() as client:
        reply = client.call("ScheduleList", ScheduleListCall(), ScheduleListReply)
    if session.as_json:
        session.output.reply(reply)
    else:
        show_schedules(session.output, reply.schedules, session.now_ms())
