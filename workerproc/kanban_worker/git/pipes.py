"""What a process says, taken while it says it: within a bound and a time.

Decided here: of stdout as much as its taker wants, of stderr the first
``ERRORS_BYTES_MAX``; the rest of stderr is read and dropped, so that nothing ever waits
for us with a full pipe. ``Popen.communicate`` has no bound: it keeps everything.
"""

import os
import selectors
import subprocess
import time
from collections.abc import Callable
from typing import IO, Final, Literal, NamedTuple

CHUNK_BYTES: Final = 1 << 16
"""A pipe's size, pipe(7)."""
ERRORS_BYTES_MAX: Final = 64 << 10
"""Git says one line for each file it fails on; the first ones tell."""

Taker = Callable[[bytes], bool]
"""Takes a chunk; False: it wants no more."""


class Said(NamedTuple):
    """How it went."""

    end: Literal["closed", "late", "full"]
    """It closed both pipes; its time was up; its taker wanted no more."""
    errors: bytes


def exchange(
    process: subprocess.Popen[bytes], stdin: bytes, take: Taker, timeout_s: float
) -> Said:
    """Feed it and hear it, both to the end. All three of its pipes must be pipes."""
    deadline = time.monotonic() + timeout_s
    errors = bytearray()
    assert process.stdin and process.stdout and process.stderr  # noqa: PT018
    with selectors.DefaultSelector() as ready:
        _register(ready, process.stdout, selectors.EVENT_READ)
        _register(ready, process.stderr, selectors.EVENT_READ)
        _register(ready, process.stdin, selectors.EVENT_WRITE)
        while ready.get_map():
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return Said("late", bytes(errors))
            for key, _ in ready.select(left_s):
                pipe = key.fileobj
                if pipe is process.stdin:
                    stdin = _feed(ready, process.stdin, stdin)
                elif pipe is process.stderr:
                    chunk = _hear(ready, process.stderr)
                    errors += chunk[: ERRORS_BYTES_MAX - len(errors)]
                elif (chunk := _hear(ready, process.stdout)) and not take(chunk):
                    return Said("full", bytes(errors))
    return Said("closed", bytes(errors))


def _register(ready: selectors.BaseSelector, pipe: IO[bytes], event: int) -> None:
    os.set_blocking(pipe.fileno(), False)
    ready.register(pipe, event)


def _feed(ready: selectors.BaseSelector, pipe: IO[bytes], data: bytes) -> bytes:
    try:
        data = data[os.write(pipe.fileno(), data[:CHUNK_BYTES]) :]
    except BlockingIOError:
        return data
    except BrokenPipeError:  # it wants none; its exit status says whether that is bad
        data = b""
    if not data:
        ready.unregister(pipe)
        pipe.close()
    return data


def _hear(ready: selectors.BaseSelector, pipe: IO[bytes]) -> bytes:
    try:
        chunk = os.read(pipe.fileno(), CHUNK_BYTES)
    except BlockingIOError:
        return b""
    if not chunk:
        ready.unregister(pipe)
        pipe.close()
    return chunk
