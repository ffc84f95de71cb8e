"""A store in trouble says so, and is tried again until it is over."""

import asyncio
import errno
from collections.abc import Awaitable, Callable
from pathlib import Path

import apsw
import pytest

from crash.failing import Faults, failing
from kanban_ipc.control import ListCall, NewTicket
from kanband.store import calls as calls_module
from kanband.store import checkpointing, health, writer
from kanband.store.errors import StoreBusy, StoreFailed
from kanband.store.health import Health
from kanband.store.questions import Reads
from kanband.store.values import AddOutcome
from kanband.store.verbs import Verbs
from kanband.store.writer import StoreThread
from support.deadline import eventually

PATIENCE_S = 20.0
Body = Callable[[StoreThread, Faults], Awaitable[None]]


@pytest.fixture
def with_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run a body with a store whose disk can be made to fail."""
    monkeypatch.setattr(writer, "TRY_S", 0.01)

    def run(body: Body) -> None:
        async def main(faults: Faults) -> None:
            store = StoreThread(tmp_path / "kanban.db")
            try:
                await body(store, faults)
            finally:
                faults.mend()
                await store.close()

        with failing(None) as faults:
            asyncio.run(main(faults))

    return run


def add(title: str) -> Callable[[Verbs], AddOutcome]:
    new = NewTicket(title=title)
    return lambda verbs: verbs.add([new], ready=True, now_ms=1)


def titles(reads: Reads) -> list[str]:
    return [ticket.title for ticket in reads.tickets(ListCall(limit=99))[0]]


async def well_again(store: StoreThread) -> None:
    """Nobody asks anything of it meanwhile."""
    await asyncio.to_thread(eventually, lambda: not store.problems(), "well again")


def test_a_full_disk_is_told_until_a_write_was_kept_again(
    with_faults: Callable[..., None],
) -> None:
    async def body(store: StoreThread, faults: Faults) -> None:
        await store.do(add("before"))
        assert store.problems() == []
        faults.begin("write", errno.ENOSPC)
        with pytest.raises(StoreFailed, match="is full"):
            await store.do(add("refused"))
        struck = faults.struck
        await asyncio.to_thread(
            eventually, lambda: faults.struck >= struck + 3, "tried again and again"
        )
        await store.do(lambda _verbs: None)  # A commit of nothing proves nothing.
        [problem] = store.problems()
        assert "takes no changes: The disk with the store is full" in problem
        assert await store.read(titles) == ["before"]
        faults.mend()
        await well_again(store)
        await store.do(add("after"))
        assert await store.read(titles) == ["before", "after"]

    with_faults(body)


def test_a_store_that_cannot_be_read_is_told_until_it_can(
    with_faults: Callable[..., None],
) -> None:
    async def body(store: StoreThread, faults: Faults) -> None:
        await store.do(add("kept"))
        faults.begin("read", errno.EIO)
        with pytest.raises(StoreFailed):
            await store.read(titles)
        [problem] = store.problems()
        assert problem.startswith("the store cannot be read")
        faults.mend()
        await well_again(store)
        assert await store.read(titles) == ["kept"]

    with_faults(body)


def test_a_log_that_cannot_be_moved_is_told_until_it_was(
    with_faults: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        def wal_checkpoint(self, *, mode: int) -> None:
            raise apsw.FullError(f"database or disk is full, in mode {mode}")

    async def body(store: StoreThread, _faults: Faults) -> None:
        monkeypatch.setattr(writer, "TRY_S", PATIENCE_S)
        await store.do(add("kept"))
        store._writer._checkpointer._checkpoint(Full())  # type: ignore[arg-type]
        [problem] = store.problems()
        assert "cannot be moved into its file: The disk with the store is" in problem
        await store.do(add("more"))
        await well_again(store)

    with_faults(body)


def test_a_stranger_at_the_log_is_told_only_when_it_is_long(
    with_faults: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Held:
        def wal_checkpoint(self, *, mode: int) -> None:
            raise apsw.BusyError(f"database is locked, in mode {mode}")

    async def body(store: StoreThread, _faults: Faults) -> None:
        await store.do(add("kept"))
        store._writer._checkpointer._checkpoint(Held())  # type: ignore[arg-type]
        assert store.problems() == []
        monkeypatch.setattr(checkpointing, "BOUND_PAGES", 0)
        store._writer._checkpointer._checkpoint(Held())  # type: ignore[arg-type]
        [problem] = store.problems()
        assert "Another process holds the store" in problem
        await well_again(store)

    with_faults(body)


def test_a_slow_disk_is_told_until_a_commit_was_quick(
    with_faults: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(store: StoreThread, _faults: Faults) -> None:
        monkeypatch.setattr(health, "SLOW_S", 0.0)
        await store.do(add("slow"))
        problem = store.problems()[0]
        assert "for its last commit: its disk is slow" in problem
        monkeypatch.setattr(health, "SLOW_S", PATIENCE_S)
        await well_again(store)

    with_faults(body)


def test_a_commit_that_does_not_end_is_told_meanwhile() -> None:
    now = 0.0
    tried: list[float] = []
    word = Health(lambda: tried.append(now), lambda: now)
    word.committing()
    now = 7.0
    [problem] = word.problems()
    assert problem.startswith("the store has been at a commit for 7 s")
    word.committed()
    assert word.problems() == []
    assert tried == []


def test_too_many_calls_are_told_until_they_are_done(
    with_faults: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls_module, "WAITING_MAX", 3)

    async def body(store: StoreThread, _faults: Faults) -> None:
        pending = [store.do(add(str(n))) for n in range(4)]
        [problem] = store.problems()
        assert problem.startswith("3 calls wait for the store")
        answers = await asyncio.gather(*pending, return_exceptions=True)
        assert [type(each) for each in answers] == [AddOutcome] * 3 + [StoreBusy]
        assert store.problems() == []

    with_faults(body)
