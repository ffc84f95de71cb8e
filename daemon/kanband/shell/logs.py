"""The daemon's log lines: to journald, a terminal or a file, each in its own form.

Records are the standard library's; ``extra={"fields": {...}}`` adds named values.
Under systemd they are entries with fields (``journal``), or where its socket is out of
reach lines with a priority prefix (sd-daemon(3)) and no time; on a terminal they are
for people; otherwise each is one JSON object. ``logs/daemon.log`` is written as well,
for ``kanbanctl logs daemon``, and rotated by its one writer.
"""

import datetime as dt
import json
import logging
import logging.handlers
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from kanband.shell.journal import Journal, fields_of, is_journal, priority

FILE_BYTES_MAX: Final = 8 << 20
FILES_KEPT: Final = 3
"""Set aside beside the one that is written; a worker's log has one."""


def _stamp(record: logging.LogRecord) -> str:
    moment = dt.datetime.fromtimestamp(record.created, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _with_fields(record: logging.LogRecord, text: str) -> str:
    """``text`` begins with the message; a traceback may follow it."""
    fields = " ".join(f"{name}={value}" for name, value in fields_of(record).items())
    end = len(record.getMessage())
    return f"{text[:end]} {fields}{text[end:]}" if fields else text


class Plain(logging.Formatter):
    """``message key=value``; a traceback follows."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        return _with_fields(record, super().format(record))


class ForPeople(logging.Formatter):
    """``2026-11-21T09:00:00.000Z INFO message key=value``."""

    def format(self, record: logging.LogRecord) -> str:
        """One record; a traceback follows on lines of its own."""
        text = _with_fields(record, super().format(record))
        return f"{_stamp(record)} {record.levelname:<7} {text}"


class ForJournal(logging.Formatter):
    """``<6>message key=value``; journald knows the time itself."""

    def format(self, record: logging.LogRecord) -> str:
        """One record; each of its lines has the prefix."""
        level = priority(record.levelno)
        text = _with_fields(record, super().format(record))
        return "\n".join(f"<{level}>{line}" for line in text.splitlines() or [""])


class AsJson(logging.Formatter):
    """One object a line: ts, level, logger, message, the fields, perhaps error."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        line: dict[str, object] = {
            "ts": _stamp(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **fields_of(record),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def set_up(directory: Path, environ: Mapping[str, str], level: int) -> None:
    """Send everything that is logged to its places. Call it once, at the start."""
    console = _console(environ)
    file = logging.handlers.RotatingFileHandler(
        directory / "daemon.log",
        maxBytes=FILE_BYTES_MAX,
        backupCount=FILES_KEPT,
        encoding="utf-8",
    )
    file.setFormatter(ForPeople())
    logging.raiseExceptions = False  # A full disk must not end the daemon.
    root = logging.getLogger()
    root.setLevel(level)
    root.handlers[:] = [console, file]


def _console(environ: Mapping[str, str]) -> logging.Handler:
    console: logging.Handler = logging.StreamHandler(sys.stderr)
    if not is_journal(sys.stderr, environ):
        console.setFormatter(ForPeople() if sys.stderr.isatty() else AsJson())
        return console
    try:
        console = Journal()
    except OSError:
        console.setFormatter(ForJournal())
    else:
        console.setFormatter(Plain())
    return console
