"""What was freed, or would be, and what stays although its ticket is done."""

from typing import Final

from kanban_ipc.control.upkeep import Freed, GcReply
from kanbanctl.output import Output
from kanbanctl.tables import Cell, Column, cells
from kanbanctl.wording import plural, size

COLUMNS: Final = (
    Column("WHAT"),
    Column("SIZE", right=True),
    Column("OF", flexible=True, rank=1),
    Column("PATH", flexible=True),
)


def show_freed(output: Output, reply: GcReply) -> None:
    """A table, the reasons of what stays, and the sum."""
    if reply.freed:
        output.table(COLUMNS, [_row(freed) for freed in reply.freed])
    for kept in reply.kept:
        output.paragraphs(f"kept {kept.path}: {kept.reason}", "warn")
    verb = "would be freed" if reply.dry_run else "freed"
    gone = "would go" if reply.dry_run else "went"
    entries = plural(reply.journal_entries, "journal entry", "journal entries")
    output.line(f"{size(reply.freed_bytes)} {verb}; {entries} {gone}.")


def _row(freed: Freed) -> list[Cell]:
    return cells(freed.kind, size(freed.size_bytes), freed.text, freed.path)
