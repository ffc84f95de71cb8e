"""What the store does to its directory, written down between SQLite and the disk.

``recorded`` puts a VFS of ours before SQLite's own and makes it the default, so that
every connection of the production code goes through it, whoever opens it; what that
code asks of the system itself (``os.rename``, ``os.unlink``, ``os.link``, ``os.fsync``)
is noted beside. Everything is carried out as well: the notes change nothing.

The log's index in shared memory (``-shm``) passes by: it holds nothing that a power
loss could take, SQLite makes it anew. So would writes through a mapped file, but the
store maps none (``mmap_size`` is 0).
"""

import itertools
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar
from unittest import mock

import apsw

T = TypeVar("T")


class Write(NamedTuple):
    inode: int
    """A number of ours: the system gives its own again to the next file."""
    offset: int
    data: bytes


class Truncate(NamedTuple):
    inode: int
    size: int


class Sync(NamedTuple):
    inode: int


class Name(NamedTuple):
    """A file got a name, new or instead of another file's."""

    name: str
    inode: int


class Unname(NamedTuple):
    name: str


class SyncNames(NamedTuple):
    """The directory is on the disk."""


class Meant(NamedTuple):
    """What the store will hold when the transaction that runs is committed."""

    digest: str


class Acknowledged(NamedTuple):
    """The store said that what was meant last is durable."""


Event: TypeAlias = (
    Write | Truncate | Sync | Name | Unname | SyncNames | Meant | Acknowledged
)

_BASE: Final = "unix"
_OURS: Final = "recording"
_LOGS: Final = (
    apsw.SQLITE_OPEN_WAL
    | apsw.SQLITE_OPEN_MAIN_JOURNAL
    | apsw.SQLITE_OPEN_SUPER_JOURNAL
)
"""Of a file that it opens as one of these, ready to create it, SQLite syncs the
directory with the first sync (``UNIXFILE_DIRSYNC`` in its os_unix.c)."""


class Recording:
    """The notes about one directory, in the order in which things happened."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.events: list[Event] = []
        self.start = {
            file.name: file.read_bytes()
            for file in directory.iterdir()
            if not file.name.endswith("-shm")
        }
        """What was on the disk before."""
        self.start_names = {name: number for number, name in enumerate(self.start)}
        self._names = dict(self.start_names)
        self._numbers = itertools.count(len(self._names))
        self._lock = threading.RLock()

    def note(self, event: Event) -> None:
        with self._lock:
            self.events.append(event)

    def done(self, event: Event | None, deed: Callable[[], T]) -> T:
        """One at a time, so that a sync covers what was written before it."""
        with self._lock:
            result = deed()
            if event is not None:
                self.events.append(event)
            return result

    def seen(self, path: str | Path) -> int | None:
        """The file of this name; None: not one of ours. A new one is noted."""
        path = Path(path)
        if not self._is_ours(path):
            return None
        with self._lock:
            if path.name not in self._names:
                self.named(path, next(self._numbers))
            return self._names[path.name]

    def _is_ours(self, path: Path) -> bool:
        return path.parent == self.directory and not path.name.endswith("-shm")

    def named(self, path: str | Path, inode: int) -> None:
        with self._lock:
            self._names[Path(path).name] = inode
            self.events.append(Name(Path(path).name, inode))

    def gone(self, path: str | Path, *, synced: bool = False) -> None:
        path = Path(path)
        if not self._is_ours(path):
            return
        with self._lock:
            if self._names.pop(path.name, None) is not None:
                self.events.append(Unname(path.name))
            if synced:
                self.events.append(SyncNames())


class _Vfs(apsw.VFS):
    def __init__(self, recording: Recording) -> None:
        super().__init__(_OURS, _BASE, makedefault=True)
        self._recording = recording

    def xOpen(  # noqa: N802 - SQLite's word
        self, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> apsw.VFSFile:
        return _File(self._recording, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        recording = self._recording
        recording.done(None, lambda: super(_Vfs, self).xDelete(filename, syncdir))
        recording.gone(filename, synced=syncdir)


class _File(apsw.VFSFile):
    def __init__(
        self,
        recording: Recording,
        name: str | apsw.URIFilename | None,
        flags: list[int],
    ) -> None:
        super().__init__(_BASE, name, flags)
        self._recording = recording
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._inode = None if path is None else recording.seen(path)
        creates_log = flags[0] & apsw.SQLITE_OPEN_CREATE and flags[0] & _LOGS
        self._sync_names = bool(creates_log) and self._inode is not None

    def _note(self, event: Callable[[int], Event], deed: Callable[[], T]) -> T:
        noted = None if self._inode is None else event(self._inode)
        return self._recording.done(noted, deed)

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802
        copy = bytes(data)
        self._note(
            lambda inode: Write(inode, offset, copy),
            lambda: super(_File, self).xWrite(data, offset),
        )

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._note(
            lambda inode: Truncate(inode, newsize),
            lambda: super(_File, self).xTruncate(newsize),
        )

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._note(Sync, lambda: super(_File, self).xSync(flags))
        if self._sync_names:
            self._recording.note(SyncNames())
            self._sync_names = False


@contextmanager
def recorded(directory: Path) -> Iterator[Recording]:
    """Note what happens to the files in a directory from now on."""
    recording = Recording(directory)
    vfs = _Vfs(recording)
    try:
        with _system_calls(recording):
            yield recording
    finally:
        apsw.set_default_vfs(_BASE)
        vfs.unregister()


@contextmanager
def _system_calls(recording: Recording) -> Iterator[None]:
    real_rename, real_unlink, real_link = os.rename, os.unlink, os.link
    real_fsync = os.fsync

    def rename(source: Any, target: Any) -> None:
        inode = recording.seen(source)
        recording.done(None, lambda: real_rename(source, target))
        if inode is not None:
            recording.named(target, inode)
            recording.gone(source)

    def unlink(path: Any) -> None:
        recording.done(None, lambda: real_unlink(path))
        recording.gone(path)

    def link(source: Any, target: Any) -> None:
        recording.done(None, lambda: real_link(source, target))
        if (inode := recording.seen(source)) is not None:
            recording.named(target, inode)

    def fsync(descriptor: int) -> None:
        recording.done(None, lambda: real_fsync(descriptor))
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if path == recording.directory:
            recording.note(SyncNames())
        elif (inode := recording.seen(path)) is not None:
            # What Python wrote was not seen; from here on it is there.
            recording.note(Write(inode, 0, path.read_bytes()))
            recording.note(Sync(inode))

    with (
        mock.patch.object(os, "rename", rename),
        mock.patch.object(os, "unlink", unlink),
        mock.patch.object(os, "link", link),
        mock.patch.object(os, "fsync", fsync),
    ):
        yield
