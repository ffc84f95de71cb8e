"""Reading a file that may still grow, be cut in its middle, or be rotated away.

Blocking; a stream calls ``read`` in a thread, and may close it meanwhile. A hole that
the log cap has punched (``cuts.json``) is one marked line; offsets after it are
unchanged. A file that was set aside is read to its end, then its successor from the
beginning (``rotated``); no line is lost or read twice, and where one may be, because
more was set aside than is kept, a marked line says so.
"""

import codecs
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from kanban_ipc.bounds import STREAM_CHUNK_BYTES_MAX
from kanband.shell.methods.rotated import age_of, backwards, successor

Hole = tuple[int, int]
_BLOCK: Final = 64 << 10
_LOOKED_BACK_MAX: Final = 16 << 20
"""How far back the last lines are looked for in a file; lines can be long, patience is
not."""
_GAP: Final = (
    "[lines may be missing here: the log was set aside more often than it is kept]\n"
)


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
        kept: int = 0,
    ) -> None:
        """The file need not exist yet. ``hole``: (from, to) as it is now; ``kept``: how
        many files its writer keeps set aside."""
        self._path = path
        self._lines = lines
        self._hole = hole
        self._kept = kept
        self._fd = -1
        self._is_held = True
        """Its writer may still hold it, though another has the name."""
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
        return self._go_on()

    def _open(self) -> bool:
        missing = self._lines
        for fd in backwards(self._path, self._kept):
            self._let_go()
            self._fd, self._offset = fd, 0
            if missing is not None:
                size = os.fstat(fd).st_size
                self._offset, missing = self._start(size, missing)
            # Without ``lines`` the file that is written is the beginning.
            if not missing:
                break
        if self._fd < 0:
            return False
        self._lines = None
        self._is_held = self._is_written()
        return True

    def _start(self, size: int, lines: int) -> tuple[int, int]:
        """The offset of the last ``lines``, not before a hole's end; and how many of
        them must be in an older file."""
        if lines == 0:
            return size, 0
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
                return begin + place + 1, 0
            end = begin
        # What stands before the first line's end is a line as well.
        older = missing - 1 if size else missing
        return min(floor, size), 0 if floor else older

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

    def _go_on(self) -> str | None:
        """At the end of the file: the next one's beginning, if there is one."""
        ours = os.fstat(self._fd)
        if ours.st_size < self._offset:
            self._offset = 0  # It was emptied.
            return self._read()
        found = successor(self._path, self._fd, self._kept)
        if found is None:
            return None
        if self._is_held:
            # Set aside this moment: looked at once more, at the next call.
            os.close(found.fd)
            self._is_held = False
            return None
        self._let_go()
        self._fd, self._offset = found.fd, 0
        self._is_held = self._is_written()
        rest = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        return rest + (_GAP if found.gap else "")

    def _is_written(self) -> bool:
        return age_of(self._path, self._fd, self._kept) == 0
