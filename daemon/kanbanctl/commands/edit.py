"""``edit``: fields of tickets."""

from typing import Any, Final, TextIO

import click

from kanban_ipc.control.editing import Clearable, EditCall, TicketEdit
from kanban_ipc.control.tickets import ChangedReply
from kanbanctl import options
from kanbanctl.argument_types import at_least, one_of, seconds, ticket_id
from kanbanctl.parsing import Command, text_of
from kanbanctl.paths import working_directory
from kanbanctl.session import Session
from kanbanctl.tickets_in.fields import ALIASES, Surroundings, ticket
from kanbanctl.tickets_in.limits import Malformed
from kanbanctl.views.changes import say_changed

CLEARABLE: Final[dict[str, Clearable]] = {
    "description": "description_md",
    "instructions": "instructions",
    "repo": "repo_path",
    "base": "base_branch",
    "model": "model",
    "labels": "labels",
    "depends-on": "depends_on",
    "at": "scheduled_at_ms",
    "time-limit": "timeout_s",
    "estimate": "estimated_duration_s",
    "took": "actual_duration_s",
}
"""What ``--clear`` takes, and the field that it means."""


@click.command("edit", cls=Command)
@options.TICKETS
@click.option("--title")
@options.DESCRIPTION
@options.DESCRIPTION_FILE
@options.INSTRUCTIONS
@click.option("--board", help="To another board.")
@options.REPOSITORY
@click.option("--base", metavar="BRANCH", help="Where the work begins.")
@click.option("--agent", help="Who does it.")
@options.MODEL
@options.PRIORITY
@click.option("--label", "add_labels", multiple=True, help="One more; several times.")
@click.option("--no-label", "remove_labels", multiple=True, help="One less.")
@options.TASK_TYPE
@click.option(
    "--depends-on",
    "add_depends_on",
    multiple=True,
    type=ticket_id,
    metavar="ID",
    help="One more ticket that must be completed first; several times.",
)
@click.option(
    "--not-depends-on",
    "remove_depends_on",
    multiple=True,
    type=ticket_id,
    metavar="ID",
    help="One less.",
)
@options.DUE
@options.TIME_LIMIT
@options.ESTIMATE
@click.option("--took", type=seconds, metavar="TIME", help="How long it took.")
@click.option("--max-retries", type=at_least(0))
@click.option(
    "--clear",
    multiple=True,
    type=one_of("field", tuple(CLEARABLE)),
    help=f"Empty a field; several times: {', '.join(CLEARABLE)}.",
)
@click.pass_obj
def command(
    session: Session,
    /,
    *,
    ids: tuple[int, ...],
    file: TextIO | None,
    took: float | None,
    clear: tuple[str, ...],
    **values: Any,
) -> int:
    """Change tickets, each by itself; what is not named stays as it is.

    While a run holds a ticket, only its labels, priority, estimate and --max-retries
    can be changed: the run depends on the rest.

    \b
      kanbanctl edit 7 --priority urgent --depends-on 5
      kanbanctl edit 7 8 9 --label night --at 22:00
      kanbanctl edit 7 --clear at
    """  # noqa: D301 (click's mark for a paragraph that is not to be filled)
    if file is not None:
        if values["description"] is not None:
            raise click.UsageError("Give the description as text or as a file.")
        values["description"] = text_of(file)
    lists: dict[str, Any] = {name: list(values.pop(name)) for name in _LISTS}
    given = {name: value for name, value in values.items() if value is not None}
    edit = TicketEdit(
        **_fields(given, session.now_ms()),
        **lists,
        actual_duration_s=took,
        clear=[CLEARABLE[each] for each in dict.fromkeys(clear)],
    )
    if edit == TicketEdit():
        raise click.UsageError("Name what shall be different: see the options (-h).")
    with session.client() as client:
        reply = client.call("Edit", EditCall(ids=list(ids), edit=edit), ChangedReply)
    return say_changed(session, reply, reason=False)


_LISTS: Final = ("add_labels", "remove_labels", "add_depends_on", "remove_depends_on")


def _fields(given: dict[str, Any], now_ms: int) -> dict[str, Any]:
    """The values as a ticket would have them, by the names of its fields."""
    around = Surroundings(working_directory(), now_ms)
    try:
        like = ticket({"title": "-", **given}, around)
    except Malformed as error:
        raise click.UsageError(f"That cannot be: {error}.") from error
    named = {ALIASES.get(name, name) for name in given}
    if "priority" in named and like.priority is None:
        named = (named - {"priority"}) | {"priority_number"}
    return {name: getattr(like, name) for name in named}
