"""What a verb leaves behind besides its rows: journal entries and counts.

A verb collects both while it works and writes them once at its end, with one
statement for each kind.
"""

from collections import Counter
from typing import Final

import apsw
import msgspec

from kanban_ipc.words import TicketState
from kanband.core.journal import Entry
from kanband.store.statements import load

_SQL: Final = load("journal")
_APPEND: Final = _SQL["append"]
_COUNT: Final = _SQL["count"]
_encode = msgspec.json.Encoder().encode


class Ledger:
    """Collected by one verb for one connection."""

    def __init__(self, db: apsw.Connection, now_ms: int) -> None:
        self._db = db
        self._now_ms = now_ms
        self._entries: list[Entry] = []
        self._moves: Counter[tuple[str, TicketState | None, TicketState]] = Counter()
        self._gone: Counter[tuple[str, TicketState]] = Counter()

    def note(self, entry: Entry) -> None:
        self._entries.append(entry)

    def count(self, board: str, source: TicketState | None, to: TicketState) -> None:
        """A ticket of a board went from one state (None: from nowhere) to another."""
        self._moves[board, source, to] += 1

    def uncount(self, board: str, state: TicketState) -> None:
        """A ticket of a board, in this state, is no more, or on another board."""
        self._gone[board, state] += 1

    def write(self) -> None:
        """Put everything into the open transaction."""
        counts: Counter[tuple[str, TicketState]] = Counter()
        for (board, source, to), n in self._moves.items():
            counts[board, to] += n
            if source is not None:
                counts[board, source] -= n
        counts.subtract(self._gone)
        self._db.executemany(_COUNT, [(*key, n) for key, n in counts.items() if n])
        if self._entries:
            now_ms = self._now_ms
            self._db.executemany(
                _APPEND,
                [
                    (now_ms, sender, kind, ticket_id, _encode(payload).decode())
                    for sender, kind, ticket_id, payload in self._entries
                ],
            )
