"""Reading a file that may still grow, be cut in its middle, or be rotated away.

Blocking; a stream calls ``read`` in a thread, and may close it meanwhile. A hole that
the log cap has punched (``cuts.json``) is one marked line; offsets after it are
unchanged. A file that was replaced is read to its end, then its successor from the
beginning.
"""

import codecs
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from kanban_ipc.bounds import STREAM_CHUNK_BYTES_MAX

Hole = tuple[int, int]
_BLOCK: Final = 64 << 10
_LOOKED_BACK_MAX: Final = 16 << 20
"""How far back the last lines are looked for; lines can be long, patience is not."""


def no_hole() -> Hole | None:
    """For files that nobody cuts."""
    return None


class Tail:
    """One file, from its beginning or its last ``lines``."""

    def __init__(
        self,
        path: Path,
        *,
        lines: int | None = None,
        hole: Callable[[], Hole | None] = no_hole,
    ) -> None:
        """The file need not exist yet. ``hole``: (from, to) as it is now."""
        self._path = path
        self._lines = lines
        self._hole = hole
        self._fd = -1
        self._closed = False
        self._busy = threading.Lock()
        self._offset = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def close(self) -> None:
        """Let go of the file; a read that is under way does it as it ends."""
        self._closed = True
        if self._busy.acquire(blocking=False):
            self._let_go()
            self._busy.release()

    def read(self) -> str | None:
        """The next piece, at most a chunk; None: there is nothing more now."""
        with self._busy:
            text = None if self._closed else self._read()
        if self._closed:
            self.close()
        return text

    def _let_go(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _read(self) -> str | None:
        if self._fd < 0 and not self._open():
            return None
        if (mark := self._skip_hole()) is not None:
            return mark
        data = os.pread(self._fd, self._room(), self._offset)
        if data:
            self._offset += len(data)
            return self._decoder.decode(data)
        return self._read() if self._was_replaced() else None

    def _open(self) -> bool:
        # The file may lie where an agent can write: only a plain file is read, and
        # nothing that would block.
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            fd = os.open(self._path, flags)
        except OSError:
            return False
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            os.close(fd)
            return False
        self._fd = fd
        self._offset = 0
        if self._lines is not None:
            self._offset = self._start(found.st_size, self._lines)
            self._lines = None
        return True

    def _start(self, size: int, lines: int) -> int:
        """The offset of the last ``lines``, not before a hole's end."""
        if lines == 0:
            return size
        hole = self._hole()
        floor = max(hole[1] if hole else 0, size - _LOOKED_BACK_MAX)
        # The last line's own end, where it has one, counts as well.
        ended = size > 0 and os.pread(self._fd, 1, size - 1) == b"\n"
        end, missing = size, lines + ended
        while end > floor and missing > 0:
            begin = max(end - _BLOCK, floor)
            block = os.pread(self._fd, end - begin, begin)
            place = len(block)
            while missing > 0 and (place := block.rfind(b"\n", 0, place)) >= 0:
                missing -= 1
            if missing == 0:
                return begin + place + 1
            end = begin
        return min(floor, size)

    def _skip_hole(self) -> str | None:
        hole = self._hole()
        if hole is None or not hole[0] <= self._offset < hole[1]:
            return None
        missing = hole[1] - self._offset
        self._offset = hole[1]
        rest = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        return f"{rest}\n[{missing} bytes were cut here: the log was over its limit]\n"

    def _room(self) -> int:
        """How much may be read at once: not into the hole."""
        hole = self._hole()
        if hole is not None and self._offset < hole[0]:
            return min(hole[0] - self._offset, STREAM_CHUNK_BYTES_MAX)
        return STREAM_CHUNK_BYTES_MAX

    def _was_replaced(self) -> bool:
        """Whether another file has the name now, or ours was emptied; then start it."""
        ours = os.fstat(self._fd)
        try:
            named = self._path.lstat()
        except OSError:
            return False
        if (named.st_dev, named.st_ino) == (ours.st_dev, ours.st_ino):
            if ours.st_size >= self._offset:
                return False
            self._offset = 0
            return True
        self._let_go()
        return self._open()
