"""Opening the store: what is there is checked, or refused with its reason.

A missing file is made; anything else that cannot be used whole is refused, each with
an exception and a message of its own, and left as it is: never an empty start on an
unreadable store. A new store is made under another name and renamed when complete, so
an empty or half-made file under the store's name is damage, not a beginning.

The daemon's lock on the state directory keeps a second daemon away; ``StoreLocked``
is for strangers that hold the database itself.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

import apsw

from kanband.store.errors import (
    StoreDamaged,
    StoreLocked,
    StoreNewer,
    StoreUnreachable,
    StoreUnready,
)
from kanband.store.statements import migrations

APPLICATION_ID: Final = 0x6B616E62
"""``kanb``; so that another program's database is not taken for ours."""
BUSY_MS: Final = 5_000
"""Patience with a stranger's transaction: a backup or a look with sqlite3."""
CACHE_KIB: Final = 8 << 10
STATEMENTS_MAX: Final = 512
"""APSW's most. The verbs have a hundred, but each row of an ``executemany`` moves its
statement on by a place in the ring that the cache is, evicting what was there."""

_MAGIC: Final = b"SQLite format 3\x00"
_HEADER_BYTES: Final = 100
_APPLICATION_ID_AT: Final = 68
_READ_WRITE: Final = apsw.SQLITE_OPEN_READWRITE
_READ_ONLY: Final = apsw.SQLITE_OPEN_READONLY


def open_store(path: Path) -> apsw.Connection:
    """The one read-write connection; the store is made if it is not there.

    Raises a ``StoreRefused``.
    """
    with _refusing(path):
        if not path.exists():
            _create(path)
        check_header(path)
        db = _connect(path, _READ_WRITE)
        try:
            _check_inside(db, path)
            _migrate(db, path)
        except BaseException:
            db.close(True)
            raise
        return db


def check_schema(path: Path) -> None:
    """Whether this version can work with a store that another program has open; one
    that is not there it would make. Raises a ``StoreRefused``.
    """
    if not path.exists():
        return
    db = open_reader(path)
    try:
        _check_schema(db, path)
    finally:
        db.close()


def open_reader(path: Path) -> apsw.Connection:
    """A read-only connection beside the writer's; the store must be open already."""
    with _refusing(path):
        return _connect(path, _READ_ONLY)


def open_copy(path: Path) -> apsw.Connection:
    """A copy that nobody writes, to be looked at; nothing is made beside it."""
    name = f"file:{quote(str(path))}?immutable=1"
    with _refusing(path):
        return _connect(name, _READ_ONLY | apsw.SQLITE_OPEN_URI)


def open_writer(path: Path) -> apsw.Connection:
    """A further read-write connection to an open store, unchecked."""
    with _refusing(path):
        return _connect(path, _READ_WRITE)


def schema_version(db: apsw.Connection) -> int:
    """How many migrations have been applied."""
    version: int = db.pragma("user_version")
    return version


def _connect(path: Path | str, flags: int) -> apsw.Connection:
    db = apsw.Connection(str(path), flags=flags, statementcachesize=STATEMENTS_MAX)
    if flags == _READ_WRITE and db.readonly("main"):
        # SQLite tries that by itself when the system refuses for whatever reason (too
        # many open files), and takes BEGIN IMMEDIATE then; only a change would fail.
        db.close()
        raise apsw.ReadOnlyError("the system lets us read it, and not write")
    db.set_busy_timeout(BUSY_MS)
    db.pragma("synchronous", "FULL")
    db.pragma("foreign_keys", True)
    db.pragma("trusted_schema", False)
    db.pragma("cache_size", -CACHE_KIB)
    # Stable plans: else SQLite (built with STAT4) compiles a statement anew for each
    # new value that it compares with the condition of a partial index. Measured: 150
    # µs instead of 13 for one ticket.
    db.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    db.pragma("wal_autocheckpoint", 0)
    return db


def _create(path: Path) -> None:
    """Make a whole, empty store, then give it its name."""
    directory = path.parent
    if not directory.is_dir():
        raise StoreUnreachable(
            f"The store {path} cannot be made: there is no directory {directory}. "
            "Create it, or name another state directory."
        )
    if restoring(path).exists():
        raise StoreDamaged(
            f"The store {path} is missing: putting a backup in its place was "
            "interrupted. Restore the backup again; the old store, if there was one, "
            f"lies beside it as {path.name}.before-… with its log."
        )
    for suffix in ("-wal", "-journal"):
        rest = path.with_name(path.name + suffix)
        if rest.exists():
            raise StoreDamaged(
                f"The store {path} is missing, but {rest.name} is still there, so it "
                f"was removed or lost. Put it back, or move {rest.name} away to start "
                "with an empty one."
            )
    unnamed = path.with_name(path.name + ".new")
    unnamed.unlink(missing_ok=True)
    # SQLite gives its other files the permissions of this one.
    os.close(os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    db = _connect(unnamed, _READ_WRITE)
    with db:
        db.pragma("application_id", APPLICATION_ID)
        _apply(db, 0)
    db.pragma("journal_mode", "WAL")
    db.close()
    unnamed.rename(path)
    sync_directory(directory)


def restoring(path: Path) -> Path:
    """Where a backup lies while it is about to become the store."""
    return path.with_name(f"{path.name}.restored")


def sync_directory(directory: Path) -> None:
    """What was named or renamed in it is on the disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_header(path: Path) -> None:
    """Before SQLite sees it: it takes an empty file for an empty database.

    Never while this process has the store open: closing any descriptor of the file
    would drop the locks that SQLite holds on it (fcntl(2)).
    """
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if not header.strip(b"\0"):
        what = "is empty" if not header else "consists of zeros"
        raise StoreDamaged(f"The store {path} {what}. {_RESTORE}")
    if not header.startswith(_MAGIC) or len(header) < _HEADER_BYTES:
        raise StoreDamaged(f"{path} is not a database. {_RESTORE}")
    found = int.from_bytes(header[_APPLICATION_ID_AT : _APPLICATION_ID_AT + 4], "big")
    if found != APPLICATION_ID:
        raise StoreDamaged(
            f"{path} is a database of another program (application id {found:#x}). "
            "Name another db_path, or move that file away."
        )


_RESTORE: Final = (
    "Nothing was changed. Restore it from a backup, or move it away to start with an "
    "empty store."
)


def _check_inside(db: apsw.Connection, path: Path) -> None:
    _check_schema(db, path)
    fault = db.execute("PRAGMA quick_check(1)").get
    if fault != "ok":
        raise StoreDamaged(f"The store {path} is damaged: {fault}. {_RESTORE}")
    if db.pragma("journal_mode") != "wal":
        db.pragma("journal_mode", "WAL")
    # Refused now rather than at the first ticket: a lock, a file not to be written.
    db.execute("BEGIN IMMEDIATE")
    db.execute("ROLLBACK")


def _check_schema(db: apsw.Connection, path: Path) -> None:
    newest = len(migrations())
    version = schema_version(db)
    if version > newest:
        raise StoreNewer(
            f"The store {path} was written by a newer version (schema {version}; this "
            f"program knows {newest}). Install that version again, or restore the "
            "backup that was made before the upgrade."
        )


def _migrate(db: apsw.Connection, path: Path) -> None:
    """Bring an older schema up to date, after a copy was put beside it."""
    version = schema_version(db)
    if version == len(migrations()):
        return
    _back_up(db, path.with_name(f"{path.name}.schema{version}"))
    db.execute("BEGIN IMMEDIATE")
    with db:
        _apply(db, version)
    db.execute("COMMIT")


def _apply(db: apsw.Connection, version: int) -> None:
    scripts = migrations()
    for script in scripts[version:]:
        db.execute(script)
    db.pragma("user_version", len(scripts))


def _back_up(db: apsw.Connection, copy: Path) -> None:
    copy.unlink(missing_ok=True)
    os.close(os.open(copy, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    target = apsw.Connection(str(copy))
    with target.backup("main", db, "main") as backup:
        backup.step()
    target.close()


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """SQLite's and the system's refusals as ours, each saying what to do."""
    try:
        yield
    except (apsw.BusyError, apsw.LockedError) as error:
        raise StoreLocked(
            f"The store {path} is locked by another process ({error}). Close what "
            "has it open, such as an sqlite3 shell or a backup, and start again."
        ) from error
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise StoreDamaged(
            f"The store {path} is damaged: {error}. {_RESTORE}"
        ) from error
    except (apsw.CantOpenError, apsw.ReadOnlyError, OSError) as error:
        if not _allowed(path):
            raise StoreUnreachable(
                f"The store {path} cannot be opened for reading and writing: {error}. "
                "Check the owner and the permissions of the file and of its directory."
            ) from error
        raise _unready(path, error) from error
    except (apsw.FullError, apsw.IOError, apsw.NoMemError) as error:
        raise _unready(path, error) from error


def _allowed(path: Path) -> bool:
    """Whether kind, owner and permissions are in order: what fails then may pass."""
    try:
        if os.statvfs(path.parent).f_flag & os.ST_RDONLY:
            return True
    except OSError:
        return False
    of_file = os.access(path, os.R_OK | os.W_OK) and path.is_file()
    return os.access(path.parent, os.W_OK) and (of_file or not path.exists())


def _unready(path: Path, error: Exception) -> StoreUnready:
    full = isinstance(error, apsw.FullError) or (
        isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    )
    if full:
        return StoreUnready(
            f"The store {path} cannot be opened: the disk is full ({error}). "
            "Free some space and start again."
        )
    return StoreUnready(
        f"The store {path} cannot be opened now: {error}. Look whether the disk is "
        "sound and mounted for writing (dmesg), and start again."
    )
