"""A copy of the store while it is in use, and its way back.

Theory. The copy is read in one transaction on a connection of its own: one moment of
the store, whatever is committed meanwhile, and neither the writer nor a reader waits
(the log cannot begin anew for as long as it lasts). It is written under another name,
made one file without a log, synced and checked whole; only then it gets its name, by
a link, which never replaces what is there.

Putting one back is for a daemon that is down: the old store is kept beside it, log and
all, because a log that is left behind would be taken for the other file's. Each step
is on the disk before the next, so that a power loss leaves one of the two stores,
whole; or none, and then the copy lies there under the name ``opening.restoring``, and a
daemon does not start with an empty store instead.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import apsw

from kanband.store.errors import CopyRefused, StoreError
from kanband.store.events import last_seq
from kanband.store.opening import (
    APPLICATION_ID,
    check_header,
    open_copy,
    open_reader,
    restoring,
    schema_version,
    sync_directory,
)
from kanband.store.statements import migrations

PAGES_AT_ONCE: Final = 2_000
"""8 MiB, some ten milliseconds: then one looks whether to go on."""


class Copied(NamedTuple):
    """A copy that was checked."""

    size_bytes: int
    tickets: int
    last_seq: int
    """Of its journal: what it holds was so after this entry."""


def back_up(store: Path, copy: Path, ended: Callable[[], bool]) -> Copied:
    """Copy the open ``store`` to a new file. ``ended`` is asked whether to stop.

    Raises ``CopyRefused``. Blocks for about as long as writing the file takes.
    """
    _refuse_existing(copy)
    draft = copy.with_name(f".{copy.name}.{os.getpid()}.{time.time_ns()}")
    try:
        with _refusing(copy):
            os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            _copy_pages(store, draft, ended)
            copied = check_copy(draft)
            _sync(draft)
            os.link(draft, copy)
    finally:
        _discard(draft)
    sync_directory(copy.parent)
    return copied


def restore(copy: Path, store: Path) -> Path | None:
    """Make a checked copy the store; the daemon must be down, and is kept so by its
    lock. Returns where the old store is now; None: there was none.

    Raises ``CopyRefused``; then the old store is where it was.
    """
    draft = restoring(store)
    draft.unlink(missing_ok=True)
    with _refusing(store):
        try:
            _duplicate(copy, draft)
            check_copy(draft)
            _sync(draft)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        sync_directory(store.parent)
        aside = _put_aside(store)
        draft.rename(store)
        sync_directory(store.parent)
    return aside


def _discard(draft: Path) -> None:
    # A read-only file system refuses that even for a file that is not there, and the
    # reason why there is none is what matters.
    with contextlib.suppress(OSError):
        draft.unlink(missing_ok=True)


def check_copy(copy: Path) -> Copied:
    """Whether a file is a whole store. Raises ``CopyRefused``."""
    check_header(copy)
    db = open_copy(copy)
    try:
        if schema_version(db) > len(migrations()):
            raise CopyRefused(
                f"{copy} was made by a newer version; install that one to use it"
            )
        fault = db.execute("PRAGMA integrity_check(1)").get
        if fault != "ok" or db.pragma("application_id") != APPLICATION_ID:
            raise CopyRefused(f"{copy} is not a whole store: {fault}; take another")
        tickets: int = db.execute("SELECT count(*) FROM tickets").get
        return Copied(copy.stat().st_size, tickets, last_seq(db))
    finally:
        db.close()


def _copy_pages(store: Path, draft: Path, ended: Callable[[], bool]) -> None:
    source = open_reader(store)
    target = apsw.Connection(str(draft))
    try:
        # With the transaction open every step sees the same moment, and SQLite has no
        # reason to begin the copy anew.
        source.execute("BEGIN")
        last_seq(source)
        with target.backup("main", source, "main") as pages:
            while not pages.done:
                if ended():
                    raise CopyRefused("the daemon leaves; back up when it is up again")
                pages.step(PAGES_AT_ONCE)
        # One file: a copy that needs its log beside it is half a copy.
        target.pragma("journal_mode", "DELETE")
    finally:
        target.close()
        source.close()


def _refuse_existing(copy: Path) -> None:
    if os.path.lexists(copy):
        raise CopyRefused(
            f"{copy} is there already, and a backup replaces nothing; name another "
            "file, or move that one away"
        )
    if not copy.parent.is_dir():
        raise CopyRefused(
            f"there is no directory {copy.parent}; make it, or name another"
        )


def _duplicate(copy: Path, draft: Path) -> None:
    with copy.open("rb") as source:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as target:  # noqa: PTH123 - by descriptor
            while chunk := source.read(1 << 20):
                target.write(chunk)


def _put_aside(store: Path) -> Path | None:
    """Also what is left of one: a log without its file."""
    was_there = store.exists()
    aside = store.with_name(f"{store.name}.before-{time.strftime('%Y%m%d-%H%M%S')}")
    if os.path.lexists(aside):
        raise CopyRefused(f"{aside} is there already; try again in a second")
    # The file first: without it nothing starts, but without its log it is an older one.
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            store.with_name(store.name + suffix).rename(f"{aside}{suffix}")
        sync_directory(store.parent)
    return aside if was_there else None


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        raise CopyRefused(str(error)) from error
    except FileExistsError as error:
        raise CopyRefused(
            f"{error.filename2 or error.filename} is there already"
        ) from error
    except (apsw.Error, OSError) as error:
        raise CopyRefused(f"{path} could not be written: {error}") from error
