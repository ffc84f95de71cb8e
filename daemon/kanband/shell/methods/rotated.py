"""A log and the files that its writer has set aside: ``x.log``, ``x.log.1`` and on.

Decided here: which file goes on where another ends. A writer may set aside at any
moment, several times, so names are asked twice: a file is known by what it is (device
and inode), and its successor is whatever stands one name nearer to ``x.log`` while it
stands where it stood. Absent: reading (``tail``), and setting aside (``shell.logs``,
the worker's log).
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_TRIES: Final = 100
"""Nobody sets a log aside that often while we open two files."""


class Next(NamedTuple):
    """An open file, to be read from its beginning."""

    fd: int
    gap: bool
    """Something may be missing between the file before and this one."""


def open_plain(path: Path) -> int | None:
    """A descriptor to read it by; None: there is none, or not a plain file."""
    # It may lie where an agent can write: no link is followed, nothing may block.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags)
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return None


def named(path: Path, age: int) -> Path:
    """0 is the file that is written."""
    return path.with_name(f"{path.name}.{age}") if age else path


def age_of(path: Path, fd: int, kept: int) -> int | None:
    """Where the open file stands now; None: it is kept no longer."""
    ours = os.fstat(fd)
    for age in range(kept + 1):
        try:
            found = named(path, age).lstat()
        except OSError:
            continue
        if (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino):
            return age
    return None


def successor(path: Path, fd: int, kept: int) -> Next | None:
    """What goes on after the open file; None: it is still written, or nothing is
    there yet."""
    for _ in range(_TRIES):
        age = age_of(path, fd, kept)
        if age is None:
            return _oldest(path, kept)
        if age == 0:
            return None
        found = open_plain(named(path, age - 1))
        if found is None:
            return None
        if age_of(path, fd, kept) == age and not os.path.sameopenfile(fd, found):
            return Next(found, gap=False)
        os.close(found)
    return None


def _oldest(path: Path, kept: int) -> Next | None:
    for age in range(kept, -1, -1):
        found = open_plain(named(path, age))
        if found is not None:
            return Next(found, gap=kept > 0)
    return None


def backwards(path: Path, kept: int) -> Iterator[int]:
    """Descriptors from the file that is written to the oldest; theirs to close who
    takes them. It ends early when files are set aside meanwhile."""
    newer = None
    for age in range(kept + 1):
        found = open_plain(named(path, age))
        if found is None:
            return
        seen = os.fstat(found)
        if (seen.st_dev, seen.st_ino) == newer:
            os.close(found)
            return
        newer = seen.st_dev, seen.st_ino
        yield found
