"""``schedule add``: a ticket again and again."""

from typing import Any, Literal

import click

from kanban_ipc.control.schedules import ScheduleAddCall, ScheduleReply
from kanbanctl import options
from kanbanctl.argument_types import at_least
from kanbanctl.parsing import Command
from kanbanctl.paths import working_directory
from kanbanctl.session import Session
from kanbanctl.tickets_in.fields import Surroundings, ticket
from kanbanctl.tickets_in.limits import Malformed
from kanbanctl.times import local_zone
from kanbanctl.views.schedules import show_schedule


@click.command("add", cls=Command)
@click.argument("cron")
@click.argument("title")
@click.option("--zone", help="Such as Europe/Berlin; default: yours.")
@click.option(
    "--missed",
    type=click.Choice(("once", "skip")),
    default="once",
    show_default=True,
    help="After a time without a daemon: one ticket for all that was missed, or none.",
)
@options.DESCRIPTION
@options.INSTRUCTIONS
@options.BOARD
@options.REPOSITORY
@options.BASE
@options.AGENT
@options.MODEL
@options.PRIORITY
@options.LABELS
@options.TASK_TYPE
@options.TIME_LIMIT
@click.option("--max-retries", type=at_least(0), help="Default: 3.")
@click.pass_obj
def command(
    session: Session,
    /,
    *,
    cron: str,
    zone: str | None,
    missed: Literal["once", "skip"],
    **values: Any,
) -> None:
    """Have a ticket made at every time of CRON, straight into Ready.

    CRON has five fields: minute, hour, day of the month, month, day of the week. None
    is made while the work of the last one goes on.

    For example: kanbanctl schedule add '0 3 * * MON-FRI' "Update the lock file"
    --agent shell -i "make lock" --repo .
    """
    values["labels"] = values["labels"] or None
    try:
        new = ticket(values, Surroundings(working_directory(), session.now_ms()))
    except Malformed as error:
        raise click.UsageError(f"This is no ticket: {error}.") from error
    call = ScheduleAddCall(
        cron=cron, ticket=new, zone=zone or local_zone(), missed=missed
    )
    with session.client() as client:
        reply = client.call("ScheduleAdd", call, ScheduleReply)
    if session.as_json:
        session.output.reply(reply)
    else:
        show_schedule(session.output, reply.schedule, session.now_ms())
