"""The configuration: what a reload changed."""

from typing import Final

from kanban_ipc.control import ConfigChange, ReloadReply
from kanban_ipc.words import Applies
from kanbanctl.output import Output
from kanbanctl.tables import Cell, Column, cells

APPLIES: Final[dict[Applies, str]] = {
    "now": "now",
    "next_run": "for new runs",
    "next_start": "when a worker starts",
    "restart": "after a restart",
}
COLUMNS: Final = (
    Column("KEY"),
    Column("BEFORE", flexible=True, rank=1),
    Column("AFTER", flexible=True),
    Column("COUNTS"),
)


def show_reloaded(output: Output, reply: ReloadReply) -> None:
    """Each key that changed, and from when on it counts."""
    source = reply.config_file or "there is no configuration file, so the defaults"
    if not reply.changes:
        output.line(f"Nothing changed: {source} says what is in force.")
    else:
        output.table(COLUMNS, [_row(change) for change in reply.changes])
    for note in reply.notes:
        output.note(note)


def _row(change: ConfigChange) -> list[Cell]:
    style = "warn" if change.applies in {"next_start", "restart"} else ""
    return cells(
        Cell(change.key, "strong"),
        "-" if change.before is None else change.before,
        "-" if change.after is None else change.after,
        Cell(APPLIES[change.applies], style),
    )
