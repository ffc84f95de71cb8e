"""Bugs planted in the daemon of a round, to see that the round's verdict bites."""

from typing import Any, Final
from unittest.mock import patch

from kanband.store.ledger import Ledger
from sim import bugs

_note: Final = Ledger.note


def _notes_ends_twice(self: Ledger, entry: Any) -> None:
    _note(self, entry)
    if entry.type == "run_finished":
        _note(self, entry)


BUGS: Final[dict[str, bugs.Plant]] = {
    "a finished run lands twice": lambda: patch.object(
        Ledger, "note", _notes_ends_twice
    ),
} | {
    name: bugs.BUGS[name]
    for name in (
        "leases are not recovered",
        "a slot is not given back",
    )
}
