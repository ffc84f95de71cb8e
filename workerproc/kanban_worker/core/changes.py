"""Reading what ``git diff`` says about a change; pure.

Decided here: a path that is not UTF-8 is shown with replacement characters, a rename
by its new path; at most ``FILES_CHANGED_MAX`` files and ``NAMES_BYTES_MAX`` bytes of
names are kept, all files are counted.
"""

import re
from typing import Final, NamedTuple

from kanban_ipc.bounds import FILES_CHANGED_MAX
from kanban_ipc.link import FileChange

NAMES_BYTES_MAX: Final = 256 << 10
"""With them a result stays well below ``LINK_FRAME_BYTES_MAX``."""
_INSERTIONS: Final = re.compile(r"(\d+) insertion")
_DELETIONS: Final = re.compile(r"(\d+) deletion")
_TWO_PATHS: Final = ("R", "C")


class Changes(NamedTuple):
    """A branch compared with its base."""

    files: tuple[FileChange, ...] = ()
    files_count: int = 0
    insertions: int = 0
    deletions: int = 0


def read(name_status: bytes, shortstat: bytes) -> Changes:
    """From the output of ``diff --name-status -z`` and of ``diff --shortstat``."""
    fields = name_status.split(b"\0")
    files: list[FileChange] = []
    count = at = size = 0
    while at + 1 < len(fields):
        status = fields[at].decode("ascii", "replace")
        at += 2 if status.startswith(_TWO_PATHS) else 1
        if at >= len(fields):
            break
        count += 1
        # A byte that is no UTF-8 becomes a character of three.
        size += 3 * len(fields[at])
        if len(files) < FILES_CHANGED_MAX and size < NAMES_BYTES_MAX:
            files.append(FileChange(status, fields[at].decode("utf-8", "replace")))
        at += 1
    stat = shortstat.decode("ascii", "replace")
    return Changes(
        tuple(files), count, _number(_INSERTIONS, stat), _number(_DELETIONS, stat)
    )


def _number(pattern: re.Pattern[str], text: str) -> int:
    match = pattern.search(text)
    return int(match.group(1)) if match else 0
