"""Records to journald by its own protocol: what a record names can be asked for.

``journalctl KANBAN_WORKER=worker-1``: the named values of a record are fields, its
traceback is part of the one entry. Decided here: their names, and how long a journal
that does not read may keep the daemon's loop; then the record is in the file alone.
Absent: whether there is a journal (``logs``).

Source: systemd's JOURNAL_NATIVE_PROTOCOL; systemd.journal-fields(7).
"""

import logging
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, TextIO

from logging_journald import JournaldTransport

SOCKET: Final = Path("/run/systemd/journal/socket")
IDENTIFIER: Final = "kanband"
PATIENCE_S: Final = 0.1
"""A journal that is busy has room again within milliseconds."""
_PREFIX: Final = "KANBAN_"
_NAME_MAX: Final = 64
"""journald passes over a field with a longer name."""
_PRIORITIES: Final = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
)


def priority(level: int) -> int:
    """Syslog's, of one of ours."""
    return next((number for low, number in _PRIORITIES if level >= low), 7)


def fields_of(record: logging.LogRecord) -> Mapping[str, object]:
    """The named values of a record."""
    fields = getattr(record, "fields", None)
    return fields if isinstance(fields, Mapping) else {}


def is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether it leads to the journal. The variable alone says only that an ancestor's
    did: systemd.exec(5)."""
    try:
        seen = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{seen.st_dev}:{seen.st_ino}"


class Journal(logging.Handler):
    """Writes each record as one entry. Raises ``OSError`` without a journal."""

    def __init__(self, socket: Path = SOCKET) -> None:
        super().__init__()
        socket.stat()
        # Addressed each time: it survives a journald that is started anew.
        self._transport = JournaldTransport(socket, connected=False)
        self._transport.socket.settimeout(PATIENCE_S)

    def emit(self, record: logging.LogRecord) -> None:
        """One entry."""
        try:
            self._transport.send(self._fields(record))
        except OSError:
            self.handleError(record)

    def close(self) -> None:
        """Give the socket back."""
        self._transport.socket.close()
        super().close()

    def _fields(self, record: logging.LogRecord) -> Iterator[tuple[str, bytes]]:
        found: dict[str, object] = {
            "MESSAGE": self.format(record),
            "PRIORITY": priority(record.levelno),
            "SYSLOG_IDENTIFIER": IDENTIFIER,
            "LOGGER": record.name,
            "CODE_FILE": record.pathname,
            "CODE_LINE": record.lineno,
            "CODE_FUNC": record.funcName or "",
        }
        found |= {_name(name): value for name, value in fields_of(record).items()}
        for name, value in found.items():
            # As bytes: then nothing in a value can end it, or begin another field.
            yield name, str(value).encode("utf-8", "backslashreplace")


def _name(name: str) -> str:
    return (_PREFIX + re.sub(r"[^A-Z0-9_]", "_", name.upper()))[:_NAME_MAX]
