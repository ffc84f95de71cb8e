"""Files of the state directory that nobody needs any more: found, and deleted.

Decided here: how a folder's size is counted (blocks, since logs have holes), that no
link is followed, and that the folder of a run whose shim lives is left alone whatever
the store says. Blocks on the disk. Absent: what is needed (``methods.gc``), and
worktrees, which are git's.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from kanban_ipc.layout import RUN_SHIM_LOCK

_BLOCK_BYTES: Final = 512
"""Of st_blocks: stat(2)."""


class Entry(NamedTuple):
    """Something in a directory of ours."""

    path: Path
    size_bytes: int
    changed_ms: int


def entries(directory: Path) -> list[Entry]:
    """By name. One that goes meanwhile is left out."""
    try:
        names = sorted(os.listdir(directory))  # noqa: PTH208 - names are enough
    except FileNotFoundError:
        return []
    return [entry for name in names for entry in _entry(directory / name)]


def _entry(path: Path) -> Iterator[Entry]:
    try:
        seen = path.lstat()
    except FileNotFoundError:
        return
    yield Entry(path, size_of(path), seen.st_mtime_ns // 1_000_000)


def size_of(path: Path) -> int:
    """What it takes on the disk, with all below it."""
    total = _blocks(path)
    for folder, folders, files in os.walk(path):
        total += sum(_blocks(Path(folder, name)) for name in (*folders, *files))
    return total


def _blocks(path: Path) -> int:
    try:
        return path.lstat().st_blocks * _BLOCK_BYTES
    except OSError:
        return 0


def delete_run(path: Path) -> str:
    """Remove a run's folder; empty, or why it stays."""
    with _no_shim(path) as free:
        return delete(path) if free else "its shim lives"


def delete(path: Path) -> str:
    """Remove a file or a folder; empty, or why it stays."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        return f"{error.strerror}: {error.filename}"
    return ""


@contextmanager
def _no_shim(run: Path) -> Iterator[bool]:
    """Hold the run's lock alone, as nobody can who comes after a shim."""
    try:
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(run / RUN_SHIM_LOCK, flags)
    except OSError:
        yield True  # It was never begun.
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)
