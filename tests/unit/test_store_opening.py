"""Opening the store: what is refused, and with which words."""

import errno
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import apsw
import pytest

from crash.failing import Fault, failing
from kanban_ipc.control import NewTicket
from kanband.errors import EXIT_SYSTEM
from kanband.store import opening
from kanband.store.errors import (
    StoreDamaged,
    StoreLocked,
    StoreNewer,
    StoreRefused,
    StoreUnreachable,
    StoreUnready,
)
from kanband.store.opening import open_reader, open_store, schema_version
from kanband.store.sqlite import SqliteReads, SqliteVerbs
from kanband.store.statements import migrations

PAGE = 4_096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kanban.db"


def _filled(path: Path, tickets: int = 50) -> None:
    db = open_store(path)
    with db:
        SqliteVerbs(db).add(
            [
                NewTicket(title=f"T{n}", description_md="x" * 500)
                for n in range(tickets)
            ],
            ready=True,
            now_ms=1,
        )
    db.close()


def _refusal(path: Path, kind: type[StoreRefused]) -> str:
    """What is said; the files must be left as they are."""
    before = {file: file.read_bytes() for file in path.parent.glob("kanban.db")}
    with pytest.raises(kind) as caught:
        open_store(path)
    assert type(caught.value) is kind
    assert before == {file: file.read_bytes() for file in path.parent.glob("kanban.db")}
    return str(caught.value)


def test_a_new_store_is_made_whole_and_private(path: Path) -> None:
    open_store(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["kanban.db"]
    db = open_store(path)
    assert schema_version(db) == len(migrations())
    assert db.pragma("journal_mode") == "wal"
    assert db.pragma("synchronous") == 2
    assert db.pragma("foreign_keys") == 1
    db.close()


def test_its_write_ahead_log_is_as_private(path: Path) -> None:
    db = open_store(path)
    with db:
        SqliteVerbs(db).add([NewTicket(title="x")], ready=True, now_ms=1)
    modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {0o600}
    db.close()


def test_what_was_stored_is_there_again(path: Path) -> None:
    _filled(path)
    db = open_store(path)
    assert SqliteReads(db).queue().ready == 50
    db.close()


def test_a_store_that_lost_its_journal_mode_gets_it_back(path: Path) -> None:
    _filled(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
    db = open_store(path)
    assert db.pragma("journal_mode") == "wal"
    db.close()


def test_a_half_made_new_store_is_made_again(path: Path) -> None:
    path.with_name("kanban.db.new").write_bytes(b"half")
    open_store(path).close()
    assert [file.name for file in path.parent.iterdir()] == ["kanban.db"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (bytes(8192), "consists of zeros"),
        (b"These are my notes.\n" * 50, "is not a database"),
        (b"SQLite format 3\x00", "is not a database"),
    ],
)
def test_what_is_no_database_is_refused(path: Path, content: bytes, words: str) -> None:
    path.write_bytes(content)
    message = _refusal(path, StoreDamaged)
    assert str(path) in message
    assert words in message
    assert "Restore it from a backup" in message


def test_another_programs_database_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE mine (x)")
    assert "another program" in _refusal(path, StoreDamaged)


@pytest.mark.parametrize(
    ("at", "size"), [(100, 600), (1 * PAGE, PAGE), (5 * PAGE, PAGE), (20 * PAGE, PAGE)]
)
def test_overwritten_pages_are_damage(path: Path, at: int, size: int) -> None:
    _filled(path, 200)
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\xa5" * size)
    assert "is damaged" in _refusal(path, StoreDamaged)


def test_a_cut_off_file_is_damage(path: Path) -> None:
    _filled(path, 200)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    assert "is damaged" in _refusal(path, StoreDamaged)


def test_a_lost_store_whose_log_is_still_there_is_not_begun_anew(path: Path) -> None:
    path.with_name("kanban.db-wal").write_bytes(b"x" * 100)
    message = _refusal(path, StoreDamaged)
    assert "kanban.db-wal is still there" in message
    assert not path.exists()


def test_a_newer_schema_is_refused(path: Path) -> None:
    _filled(path)
    db = open_store(path)
    db.pragma("user_version", 99)
    db.close()
    message = _refusal(path, StoreNewer)
    assert "schema 99" in message
    assert f"knows {len(migrations())}" in message


_HOLD = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute(f"PRAGMA locking_mode = {sys.argv[2]}")
db.execute("BEGIN IMMEDIATE")
db.execute("UPDATE settings SET value = 0 WHERE key = 'paused'")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def _held(path: Path, how: str) -> Iterator[None]:
    """A process of its own: SQLite's locks do not hold within one."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, path, how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        yield
        holder.stdin.close()


@pytest.mark.parametrize("how", ["EXCLUSIVE", "NORMAL"])
def test_a_store_held_by_another_process_is_locked(
    path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _filled(path)
    monkeypatch.setattr(opening, "BUSY_MS", 50)
    with _held(path, how):
        message = _refusal(path, StoreLocked)
    assert "locked by another process" in message
    open_store(path).close()


def test_a_missing_directory_is_said(tmp_path: Path) -> None:
    message = _refusal(tmp_path / "no" / "kanban.db", StoreUnreachable)
    assert f"there is no directory {tmp_path / 'no'}" in message


def test_a_directory_in_its_place_is_said(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StoreUnreachable, match="cannot be opened"):
        open_store(path)


def test_a_refused_permission_is_said(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root is refused nothing, so the refusal itself is played."""
    _filled(path)
    monkeypatch.setattr(os, "access", lambda *_args: False)

    def refuse(*_args: object, **_named: object) -> None:
        raise apsw.ReadOnlyError("attempt to write a readonly database")

    monkeypatch.setattr(opening, "_check_inside", refuse)
    message = _refusal(path, StoreUnreachable)
    assert "Check the owner and the permissions" in message


@pytest.mark.parametrize("opens", [open_store, opening.open_writer])
def test_a_store_that_the_system_lets_only_read_is_not_taken_for_one_to_be_written(
    path: Path, opens: Callable[[Path], apsw.Connection]
) -> None:
    """Too many files are open for a moment: SQLite contents itself with reading."""
    _filled(path)
    with (
        failing(Fault("open", 0, errno.EMFILE, for_ever=False)) as faults,
        pytest.raises(StoreUnready, match="lets us read it, and not write"),
    ):
        opens(path)
    assert faults.struck == 1
    opens(path).close()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (apsw.FullError("database or disk is full"), "the disk is full"),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (apsw.IOError("disk I/O error"), "whether the disk is sound"),
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files"),
    ],
)
def test_a_disk_that_refuses_for_now_is_said_and_worth_another_start(
    path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    def refuse(*_args: object) -> None:
        raise error

    monkeypatch.setattr(opening, "_apply", refuse)
    with pytest.raises(StoreUnready, match=words) as refused:
        open_store(path)
    assert refused.value.exit_code == EXIT_SYSTEM
    assert not path.exists()


def test_a_reader_writes_nothing(path: Path) -> None:
    db = open_store(path)
    reader = open_reader(path)
    with pytest.raises(apsw.ReadOnlyError):
        reader.execute("DELETE FROM tickets")
    assert SqliteReads(reader).last_seq() == 0
    reader.close()
    db.close()


def test_an_older_schema_is_brought_up_to_date_after_a_copy(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _filled(path)
    known = migrations()
    newer = [*known, "CREATE TABLE later (x INTEGER) STRICT"]
    monkeypatch.setattr(opening, "migrations", lambda: newer)
    db = open_store(path)
    assert schema_version(db) == len(newer)
    assert db.execute("SELECT count(*) FROM later").get == 0
    assert SqliteReads(db).queue().ready == 50
    db.close()
    monkeypatch.setattr(opening, "migrations", lambda: known)
    copy = path.with_name(f"kanban.db.schema{len(known)}")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    old = open_store(copy)
    assert SqliteReads(old).queue().ready == 50
    old.close()


def test_the_boards_of_the_first_schema_get_an_order(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = migrations()
    monkeypatch.setattr(opening, "migrations", lambda: known[:1])
    db = open_store(path)
    db.execute("INSERT INTO boards (name, paused) VALUES ('web', 1), ('api', 0)")
    db.close()
    monkeypatch.setattr(opening, "migrations", lambda: known)
    db = open_store(path)
    boards = SqliteReads(db).boards()
    db.close()
    assert [(each.board, each.position, each.paused) for each in boards] == [
        ("api", 1, False),
        ("main", 2, False),
        ("web", 3, True),
    ]
    assert {each.wip_limit for each in boards} == {None}


def test_a_migration_that_fails_leaves_the_old_store(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _filled(path)
    known = migrations()
    broken = [*known, "CREATE TABLE later (x); CREATE TABLE tickets (x)"]
    monkeypatch.setattr(opening, "migrations", lambda: broken)
    with pytest.raises(apsw.SQLError):
        open_store(path)
    monkeypatch.setattr(opening, "migrations", lambda: known)
    db = open_store(path)
    assert SqliteReads(db).queue().ready == 50
    assert not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'later'").get
    db.close()
