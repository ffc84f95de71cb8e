"""``Backup`` of a store in use, and its way back."""

import asyncio
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from kanban_ipc.control import AddCall, AddReply, BackupCall, BackupReply, NewTicket
from kanband.store import copying
from kanband.store.copying import back_up, check_copy, restore
from kanband.store.errors import CopyRefused
from kanband.store.opening import open_store
from kanband.store.sqlite import SqliteReads
from support.control_server import Served, served
from support.varlink_client import Answered

Fact = Callable[[Served], Awaitable[None]]


def prove(tmp_path: Path, fact: Fact) -> None:
    async def main() -> None:
        async with served(tmp_path) as it:
            await fact(it)

    asyncio.run(main())


async def add(it: Served, title: str) -> int:
    call = AddCall(ticket=NewTicket(title=title, agent="noop"))
    return (await it.client.call(call, AddReply)).id


def drafts(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if "copy" in path.name]


def titles(store: Path) -> list[str]:
    db = open_store(store)
    found = [SqliteReads(db).ticket(number) for number in (1, 2, 3)]
    db.close()
    return [ticket.title for ticket in found if ticket is not None]


def test_a_backup_is_one_whole_private_file(tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"

    async def fact(it: Served) -> None:
        await add(it, "before")
        reply = await it.client.call(BackupCall(path=str(copy)), BackupReply)
        await add(it, "after")
        seen = copy.stat()
        assert (reply.tickets, reply.size_bytes) == (1, seen.st_size)
        assert stat.S_IMODE(seen.st_mode) == 0o600
        assert drafts(tmp_path) == ["copy.db"]

    prove(tmp_path, fact)
    assert check_copy(copy).tickets == 1
    assert titles(copy) == ["before"]


def test_a_backup_replaces_nothing_and_says_what_to_do(tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_text("precious")

    async def fact(it: Served) -> None:
        for path, said in (
            (str(copy), "name another file"),
            (str(tmp_path / "nowhere" / "copy.db"), "there is no directory"),
            ("copy.db", "an absolute path"),
        ):
            with pytest.raises(Answered, match=said):
                await it.client.call(BackupCall(path=path), BackupReply)

    prove(tmp_path, fact)
    assert copy.read_text() == "precious"


def test_writes_go_on_between_two_steps_of_a_copy_and_are_not_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "PAGES_AT_ONCE", 1)
    copy = tmp_path / "copy.db"

    async def fact(it: Served) -> None:
        await add(it, "before")
        loop = asyncio.get_running_loop()
        steps = 0

        def ended() -> bool:
            nonlocal steps
            steps += 1
            if steps == 5:
                written = asyncio.run_coroutine_threadsafe(add(it, "while"), loop)
                assert written.result(timeout=10) == 2
            return False

        store = it.daemon.config.db_file
        copied = await asyncio.to_thread(back_up, store, copy, ended)
        assert steps > 5
        assert copied.tickets == 1

    prove(tmp_path, fact)
    assert titles(copy) == ["before"]


def test_a_copy_that_is_called_off_leaves_nothing(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        store, copy = it.daemon.config.db_file, tmp_path / "copy.db"
        with pytest.raises(CopyRefused, match="the daemon leaves"):
            await asyncio.to_thread(back_up, store, copy, lambda: True)
        assert drafts(tmp_path) == []

    prove(tmp_path, fact)


def test_what_is_restored_is_the_copy_and_the_old_store_is_kept(
    tmp_path: Path,
) -> None:
    copy, old = tmp_path / "copy.db", tmp_path / "state" / "kanban.db"

    async def fact(it: Served) -> None:
        await add(it, "before")
        await it.client.call(BackupCall(path=str(copy)), BackupReply)
        await add(it, "after")

    prove(tmp_path, fact)
    (wal := old.with_name("kanban.db-wal")).write_bytes(b"a log of the old one")
    aside = restore(copy, old)
    assert aside is not None
    assert not wal.exists()
    assert aside.with_name(aside.name + "-wal").read_bytes() == b"a log of the old one"
    aside.with_name(aside.name + "-wal").unlink()
    assert titles(old) == ["before"]
    assert titles(aside) == ["before", "after"]
    assert copy.exists()


def test_the_log_of_a_store_that_is_lost_is_not_taken_for_that_of_the_restored_one(
    tmp_path: Path,
) -> None:
    copy, store = tmp_path / "copy.db", tmp_path / "kanban.db"
    open_store(copy).close()
    (wal := tmp_path / "kanban.db-wal").write_bytes(b"a log without its file")
    assert restore(copy, store) is None
    assert not wal.exists()
    (aside,) = tmp_path.glob("kanban.db.before-*-wal")
    assert aside.read_bytes() == b"a log without its file"
    assert titles(store) == []


@pytest.mark.parametrize("content", [b"", b"no database", None])
def test_what_is_no_whole_store_is_not_restored(
    tmp_path: Path, content: bytes | None
) -> None:
    store, copy = tmp_path / "kanban.db", tmp_path / "copy.db"
    open_store(store).close()
    before = store.read_bytes()
    if content is None:
        copy.write_bytes(before[:4096] + b"\xff" * 8192 + before[12288:])
    else:
        copy.write_bytes(content)
    with pytest.raises(CopyRefused):
        restore(copy, store)
    assert store.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.db", "kanban.db"]
