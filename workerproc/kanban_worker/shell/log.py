"""The worker's log: one line an event on stderr, which is ``logs/<worker>.log``.

Decided here: the form (``TIME LEVEL [Worker] ID Text key=value …``), that the lines
of one turn of the loop are written with one system call, and when the file is set
aside: past ``FILE_BYTES_MAX`` it becomes ``<name>.1``, replacing the one before.
"""

import asyncio
import functools
import json
import os
import sys
import time
from pathlib import Path
from typing import Final, TextIO

from kanban_ipc.words import LogLevel

FILE_BYTES_MAX: Final = 16 << 20
"""Two files of it: about 300,000 lines."""
LINES_KEPT_MAX: Final = 10_000
_STDOUT: Final = 1
_STDERR: Final = 2


class Log:
    """Collects lines; ``flush`` writes them."""

    def __init__(self, worker_id: str, stream: TextIO | None = None) -> None:
        """``stream``: None is stderr, and stdout is the same file then."""
        self._worker_id = worker_id
        self._stream = stream
        self._lines: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def soon(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on lines are flushed at the end of the loop's turn."""
        self._loop = loop

    def line(self, level: LogLevel, text: str, **fields: object) -> None:
        """Add one line. Only in the loop's thread."""
        if len(self._lines) >= LINES_KEPT_MAX:
            self.flush()
        now_ms = time.time_ns() // 1_000_000
        pairs = "".join(f" {name}={_value(each)}" for name, each in fields.items())
        self._lines.append(
            f"{_second(now_ms // 1000)}.{now_ms % 1000:03d}Z {level} [Worker] "
            f"{self._worker_id} {text}{pairs}\n",
        )
        if len(self._lines) == 1 and self._loop is not None:
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what was collected. A log that cannot be written stops nobody."""
        text, self._lines = "".join(self._lines), []
        try:
            stream = self._stream or sys.stderr
            stream.write(text)
            stream.flush()
        except (OSError, ValueError):
            return

    def rotate(self, path: Path) -> None:
        """Set it aside when it is too long and ``path`` is really it."""
        if self._stream is None:
            rotate(path)
        else:
            rotate(path, (self._stream.fileno(),))


@functools.lru_cache(maxsize=1)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def _value(value: object) -> str:
    text = str(value)
    plain = text.isprintable() and text and not set(text) & set(' "=')
    return text if plain else json.dumps(text, ensure_ascii=False)


def rotate(path: Path, descriptors: tuple[int, ...] = (_STDOUT, _STDERR)) -> None:
    """Set the log aside when it is too long and really is what these write to.

    Whatever fails, ``path`` stays the file that is written, so it is tried again.
    """
    try:
        own, named = os.fstat(descriptors[-1]), path.stat()
        same = (own.st_dev, own.st_ino) == (named.st_dev, named.st_ino)
        if same and own.st_size >= FILE_BYTES_MAX:
            _set_aside(path, descriptors)
    except OSError:
        return


def _set_aside(path: Path, descriptors: tuple[int, ...]) -> None:
    spare = path.with_name(path.name + ".new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
    fresh = os.open(spare, flags, 0o600)
    try:
        old = path.with_name(path.name + ".1")
        old.unlink(missing_ok=True)
        old.hardlink_to(path)
        spare.replace(path)
        for descriptor in descriptors:
            os.dup2(fresh, descriptor, inheritable=descriptor <= _STDERR)
    finally:
        os.close(fresh)
