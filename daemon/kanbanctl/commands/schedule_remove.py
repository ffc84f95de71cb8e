"""``schedule remove``: forget a schedule."""

import click

from kanban_ipc.control.schedules import ScheduleRemoveCall, ScheduleReply
from kanbanctl.argument_types import at_least
from kanbanctl.parsing import Command
from kanbanctl.session import Session


@click.command("remove", cls=Command)
@click.argument("number", type=at_least(1), metavar="SCHEDULE")
@click.pass_obj
def command(session: Session, *, number: int) -> None:
    """Forget a schedule; the tickets that it made stay."""
    call = ScheduleRemoveCall(id=number)
    with session.client() as client:
        reply = client.call("ScheduleRemove", call, ScheduleReply)
    if session.as_json:
        session.output.reply(reply)
    else:
        session.output.line(f"Schedule {reply.schedule.id} is removed.")
