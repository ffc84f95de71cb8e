"""The last lines of a log file, for whoever asks why something ended."""

import os
from pathlib import Path
from typing import Final

LINES_MAX: Final = 20
"""A stack by faulthandler begins with the innermost frame, and has about 15."""
_BYTES_MAX: Final = 8 << 10
_LINE_CHARS_MAX: Final = 500


def size(path: Path) -> int:
    """Bytes in the file; 0 when there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def last_lines(path: Path, since: int = 0) -> list[str]:
    """The last lines written at or after byte ``since``, oldest first, bounded.

    Bytes that are not UTF-8 are replaced. A file that cannot be read has no lines.
    """
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            # A file that has shrunk was rotated: all of it is new.
            start = since if since <= end else 0
            file.seek(max(start, end - _BYTES_MAX))
            text = file.read(_BYTES_MAX).decode("utf-8", "replace")
    except OSError:
        return []
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return [line[:_LINE_CHARS_MAX] for line in lines[-LINES_MAX:]]
