"""kanband's units as a person wants to see them: what each does, and whose it is."""

from collections.abc import Mapping, Sequence
from typing import Final

from kanbanctl.output import Output
from kanbanctl.service.files import Compared
from kanbanctl.tables import Cell, Column, cells

COLUMNS: Final = (
    Column("UNIT"),
    Column("STATE"),
    Column("ENABLED", rank=2),
    Column("PID", right=True),
    Column("SAYS", flexible=True, rank=3),
)
STYLES: Final = {"active": "good", "activating": "busy", "failed": "bad"}
ADVICE: Final = {
    "missing": "is not installed",
    "outdated": "is of another version",
    "changed": "was changed by somebody",
}


def show_service(
    output: Output, files: Sequence[Compared], units: Sequence[Mapping[str, str]]
) -> None:
    """What systemd says of the units, then what differs in their files."""
    output.table(COLUMNS, [_row(unit) for unit in units])
    differing = [file for file in files if file.state != "current"]
    for file in differing:
        output.line(f"{file.path} {ADVICE[file.state]}", "warn")
    if differing:
        output.line("See what would change: kanbanctl service install --dry-run")
    else:
        output.line(f"{len(files)} files are those of this version")


def _row(unit: Mapping[str, str]) -> list[Cell]:
    active = unit.get("ActiveState", "")
    pid = unit.get("MainPID", "0")
    result = unit.get("Result", "success")
    says = unit.get("StatusText", "") or ("" if result == "success" else result)
    return cells(
        unit.get("Id", ""),
        Cell(f"{active} ({unit.get('SubState', '')})", STYLES.get(active, "")),
        unit.get("UnitFileState", "") or "-",
        "" if pid == "0" else pid,
        says,
    )
