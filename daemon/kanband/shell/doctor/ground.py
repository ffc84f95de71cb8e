"""What every check stands on, and how it says what it found."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kanban_ipc.control import Finding
from kanban_ipc.words import RunId
from kanband.config import Config
from kanband.shell.doctor.processes import Carrier


@dataclass(slots=True)
class Ground:
    """One examination."""

    config: Config
    environ: Mapping[str, str]
    carriers: list[Carrier]
    """Processes that were marked by some run, as they were before the store was read:
    so that a run which ends meanwhile is not taken for an orphan's."""
    ended: dict[RunId, bool] = field(default_factory=dict)
    """Every run that the store knows, and whether it is over; empty: not read."""
    worktrees: frozenset[str] = frozenset()
    """Of all tickets."""
    repositories: frozenset[str] = frozenset()
    """Of tickets that are not done."""
    was_read: bool = False
    """The store could be read: the three above are known."""


def ok(check: str, text: str) -> Finding:
    """In order."""
    return Finding(check=check, level="ok", text=text, mend="")


def note(check: str, text: str, mend: str) -> Finding:
    """Worth knowing; nothing is wrong."""
    return Finding(check=check, level="note", text=text, mend=mend)


def wrong(check: str, text: str, mend: str) -> Finding:
    """To be mended, with the command that does it."""
    return Finding(check=check, level="wrong", text=text, mend=mend)
