"""The store's threads: group commit, isolation, failure, closing."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import apsw
import pytest

from kanban_ipc.control import ListCall, NewTicket
from kanband.store import calls as calls_module
from kanband.store import checkpointing
from kanband.store.errors import StoreBusy, StoreClosed, StoreFailed
from kanband.store.opening import open_store
from kanband.store.questions import Reads
from kanband.store.sqlite import SqliteReads
from kanband.store.values import AddOutcome
from kanband.store.verbs import Verbs
from kanband.store.writer import GROUP_MAX, StoreThread

T = TypeVar("T")
PATIENCE_S = 20.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kanban.db"


def add(title: str = "x", text: str = "") -> Callable[[Verbs], AddOutcome]:
    new = NewTicket(title=title, description_md=text)
    return lambda verbs: verbs.add([new], ready=True, now_ms=1)


def titles(reads: Reads) -> list[str]:
    return [ticket.title for ticket in reads.tickets(ListCall(limit=9_999))[0]]


def stored(path: Path) -> list[str]:
    db = open_store(path)
    found = titles(SqliteReads(db))
    db.close()
    return found


class Told:
    """What the store says besides its answers."""

    def __init__(self) -> None:
        self.heads: list[int] = []
        self.fatal: list[Exception] = []


def with_store(
    path: Path, body: Callable[[StoreThread, Told], Awaitable[T]]
) -> tuple[T, Told]:
    """Run a body with an open store, and close it."""

    async def main() -> tuple[T, Told]:
        told = Told()
        store = StoreThread(
            path, on_journal=told.heads.append, on_fatal=told.fatal.append
        )
        try:
            return await body(store, told), told
        finally:
            await store.close()

    return asyncio.run(main())


async def happened(event: threading.Event) -> None:
    """Wait for what another thread does; never for ever."""
    loop = asyncio.get_running_loop()
    assert await loop.run_in_executor(None, event.wait, PATIENCE_S)


class Gate:
    """Holds the writer's thread until it is opened, so that a group can form."""

    def __init__(self, store: StoreThread) -> None:
        self._entered, self._open = threading.Event(), threading.Event()
        self.passed = store.do(self._pass)

    def _pass(self, _verbs: Verbs) -> None:
        self._entered.set()
        assert self._open.wait(PATIENCE_S)

    async def closed(self) -> None:
        await happened(self._entered)

    def open(self) -> None:
        self._open.set()


async def gate_of(store: StoreThread) -> Gate:
    """A gate with the writer's thread inside: the next calls form the next group."""
    gate = Gate(store)
    await gate.closed()
    return gate


def boom(_verbs: Verbs) -> None:
    raise ZeroDivisionError("a bug")


def test_what_is_acknowledged_is_stored(path: Path) -> None:
    async def body(store: StoreThread, _told: Told) -> int:
        outcome = await store.do(add("kept"))
        return outcome.added[0].ticket.id

    assert with_store(path, body)[0] == 1
    assert stored(path) == ["kept"]


def test_a_read_sees_what_was_committed_before(path: Path) -> None:
    async def body(store: StoreThread, _told: Told) -> list[str]:
        await store.do(add("a"))
        return await store.read(titles)

    assert with_store(path, body)[0] == ["a"]


def test_a_read_sees_nothing_of_a_group_that_is_not_committed(path: Path) -> None:
    async def body(store: StoreThread, _told: Told) -> list[str]:
        gate = await gate_of(store)
        pending = store.do(add("a"))
        seen = await store.read(titles)
        gate.open()
        await pending
        return seen

    assert with_store(path, body)[0] == []


def test_calls_that_wait_together_commit_together(path: Path) -> None:
    async def body(store: StoreThread, told: Told) -> list[int]:
        gate = await gate_of(store)
        pending = [store.do(add(str(n))) for n in range(GROUP_MAX)]
        gate.open()
        await asyncio.gather(*pending)
        return list(told.heads)

    heads, _told = with_store(path, body)
    assert heads == [GROUP_MAX]


def test_a_group_is_bounded(path: Path) -> None:
    async def body(store: StoreThread, _told: Told) -> None:
        gate = await gate_of(store)
        pending = [store.do(add(str(n))) for n in range(2 * GROUP_MAX + 1)]
        gate.open()
        await asyncio.gather(*pending)

    _none, told = with_store(path, body)
    assert told.heads == [GROUP_MAX, 2 * GROUP_MAX, 2 * GROUP_MAX + 1]


def test_the_calls_of_a_group_are_in_the_order_they_were_made(path: Path) -> None:
    async def body(store: StoreThread, _told: Told) -> None:
        gate = await gate_of(store)
        pending = [store.do(add(str(n))) for n in range(10)]
        gate.open()
        await asyncio.gather(*pending)

    with_store(path, body)
    assert stored(path) == [str(n) for n in range(10)]


def test_a_call_that_raises_harms_no_neighbour(path: Path) -> None:
    def half(verbs: Verbs) -> None:
        add("half")(verbs)
        boom(verbs)

    async def body(store: StoreThread, _told: Told) -> list[Any]:
        gate = await gate_of(store)
        calls: list[Callable[[Verbs], object]] = [add("before"), half, add("after")]
        pending = [store.do(call) for call in calls]
        gate.open()
        return await asyncio.gather(*pending, return_exceptions=True)

    answers, told = with_store(path, body)
    assert isinstance(answers[1], ZeroDivisionError)
    assert stored(path) == ["before", "after"]
    assert told.fatal == []


def test_the_journal_has_no_gap_after_a_call_that_raised(path: Path) -> None:
    async def body(store: StoreThread, _told: Told) -> list[int]:
        def half(verbs: Verbs) -> None:
            add("half")(verbs)
            boom(verbs)

        with pytest.raises(ZeroDivisionError):
            await store.do(half)
        await store.do(add("whole"))
        events = await store.read(lambda reads: reads.events(since=0, limit=9))
        return [event.seq for event in events]

    assert with_store(path, body)[0] == [1]


def test_the_journals_head_is_told_after_the_answers(path: Path) -> None:
    async def body(store: StoreThread, told: Told) -> list[int]:
        heads_at_answer: list[int] = []
        pending = store.do(add())
        pending.add_done_callback(lambda _done: heads_at_answer.extend(told.heads))
        await pending
        return heads_at_answer

    _before, told = with_store(path, body)
    assert told.heads == [1]


def test_a_call_that_writes_no_journal_tells_no_head(path: Path) -> None:
    async def body(store: StoreThread, _told: Told) -> None:
        await store.do(lambda verbs: verbs.promote(now_ms=1))

    assert with_store(path, body)[1].heads == []


def test_a_full_disk_fails_its_group_and_the_store_goes_on(path: Path) -> None:
    async def body(store: StoreThread, _told: Told) -> list[Any]:
        await store.do(add("before"))
        db: apsw.Connection = store._writer._db
        room = await store.do(lambda _v: _leave_room(db, 4))
        gate = await gate_of(store)
        pending = [store.do(add("small")), store.do(add("big", "x" * 99_999))]
        gate.open()
        answers = await asyncio.gather(*pending, return_exceptions=True)
        await store.do(lambda _v: db.pragma("max_page_count", room))
        await store.do(add("after"))
        return answers

    answers, told = with_store(path, body)
    failed = [answer for answer in answers if isinstance(answer, BaseException)]
    assert failed
    assert all(isinstance(answer, StoreFailed) for answer in failed)
    assert "disk with the store is full" in str(failed[0])
    assert told.fatal == []
    kept = ["small"] if len(failed) == 1 else []
    assert stored(path) == ["before", *kept, "after"]


def _leave_room(db: apsw.Connection, pages: int) -> int:
    """Let the database grow by only so many pages; returns the bound before."""
    before: int = db.pragma("max_page_count")
    db.pragma("max_page_count", db.pragma("page_count") + pages)
    return before


def test_a_commit_that_fails_fails_its_whole_group(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(store: StoreThread, _told: Told) -> list[Any]:
        await store.do(add("before"))
        db = _Failing(store._writer._db, apsw.FullError("database or disk is full"))
        monkeypatch.setattr(store._writer, "_db", db)
        gate = await gate_of(store)
        calls: list[Callable[[Verbs], object]] = [add("a"), boom, db.arm, add("b")]
        pending = [store.do(call) for call in calls]
        gate.open()
        answers = await asyncio.gather(*pending, return_exceptions=True)
        await store.do(add("after"))
        return answers

    answers, told = with_store(path, body)
    assert [type(answer) for answer in answers] == [StoreFailed] * 4
    assert len({id(answer) for answer in answers}) == 4
    assert stored(path) == ["before", "after"]
    assert told.fatal == []


class _Failing:
    """A connection whose next COMMIT fails once it is armed, and perhaps the ROLLBACK
    after it."""

    def __init__(
        self, db: apsw.Connection, error: Exception, then: Exception | None = None
    ) -> None:
        self._db = db
        self._errors = {"COMMIT": error, "ROLLBACK": then}
        self._armed = False

    def arm(self, _verbs: Verbs) -> None:
        self._armed = True

    def execute(self, statement: str) -> Any:
        error = self._errors.pop(statement, None) if self._armed else None
        if error is not None:
            raise error
        return self._db.execute(statement)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)


@pytest.mark.parametrize(
    "error", [apsw.IOError("disk I/O error"), apsw.CorruptError("malformed")]
)
def test_an_io_error_is_fatal(
    path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def body(store: StoreThread, told: Told) -> list[Exception]:
        db = _Failing(store._writer._db, error)
        monkeypatch.setattr(store._writer, "_db", db)
        with pytest.raises(StoreFailed):
            await store.do(db.arm)
        with pytest.raises(StoreFailed):
            await store.do(add("refused"))
        return told.fatal

    fatal, _told = with_store(path, body)
    assert fatal == [error]
    assert stored(path) == []


def test_an_io_error_inside_a_call_is_fatal_too(path: Path) -> None:
    def fail(_verbs: Verbs) -> None:
        raise apsw.IOError("disk I/O error")

    async def body(store: StoreThread, told: Told) -> list[Exception]:
        with pytest.raises(StoreFailed):
            await store.do(fail)
        return told.fatal

    assert len(with_store(path, body)[0]) == 1


def test_a_rollback_that_fails_too_is_fatal(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(store: StoreThread, told: Told) -> list[Exception]:
        db = _Failing(store._writer._db, apsw.FullError("full"), apsw.IOError("io"))
        monkeypatch.setattr(store._writer, "_db", db)
        with pytest.raises(StoreFailed, match="full"):
            await store.do(db.arm)
        return told.fatal

    fatal, _told = with_store(path, body)
    assert [str(error) for error in fatal] == ["io"]


def test_after_a_fatal_error_nothing_is_accepted_whether_or_not_anybody_listens(
    path: Path,
) -> None:
    def fail(_verbs: Verbs) -> None:
        raise apsw.CorruptError("malformed")

    async def main() -> None:
        store = StoreThread(path)
        for call in (fail, fail):
            with pytest.raises(StoreFailed, match="malformed"):
                await store.do(call)
        await store.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (apsw.BusyError("database is locked"), "Another process holds the store"),
        (apsw.NoMemError("out of memory"), "NoMemError: out of memory"),
    ],
)
def test_a_refusal_of_the_database_is_told_in_words(
    path: Path, error: Exception, words: str
) -> None:
    def fail(_verbs: Verbs) -> None:
        raise error

    async def body(store: StoreThread, _told: Told) -> None:
        with pytest.raises(StoreFailed, match=words):
            await store.do(fail)
        await store.do(add("after"))

    with_store(path, body)
    assert stored(path) == ["after"]


def test_an_answer_to_nobody_is_dropped(path: Path) -> None:
    """The loop was closed without closing the store: a daemon that crashed."""
    go_on = threading.Event()

    async def main() -> StoreThread:
        store = StoreThread(path)
        store.do(lambda _verbs: go_on.wait(PATIENCE_S))
        return store

    store = asyncio.run(main())
    go_on.set()
    for calls, thread in (
        (store._reads, store._reader.thread),
        (store._writes, store._writer.thread),
    ):
        calls.end()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
    assert stored(path) == []


def test_a_checkpoint_that_fails_is_tried_again_another_time(path: Path) -> None:
    class Held:
        def wal_checkpoint(self, *, mode: int) -> None:
            raise apsw.BusyError(f"checkpoint of mode {mode} while another one runs")

    async def body(store: StoreThread, _told: Told) -> None:
        store._writer._checkpointer._checkpoint(Held())  # type: ignore[arg-type]
        await store.do(add("after"))

    with_store(path, body)
    assert stored(path) == ["after"]


def test_a_full_queue_answers_busy(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_module, "WAITING_MAX", 3)

    async def body(store: StoreThread, _told: Told) -> list[Any]:
        gate = await gate_of(store)
        pending = [store.do(add(str(n))) for n in range(4)]
        gate.open()
        answers = await asyncio.gather(*pending, return_exceptions=True)
        await store.do(add("later"))
        return [type(answer) for answer in answers]

    kinds, _told = with_store(path, body)
    assert kinds == [AddOutcome, AddOutcome, StoreBusy, StoreBusy]
    assert stored(path) == ["0", "1", "later"]


def test_a_call_whose_asker_has_gone_is_carried_out(path: Path) -> None:
    async def body(store: StoreThread, _told: Told) -> None:
        gate = await gate_of(store)
        pending = store.do(add("kept"))
        pending.cancel()
        gate.open()
        await gate.passed

    with_store(path, body)
    assert stored(path) == ["kept"]


def test_a_read_that_raises_is_its_askers_alone(path: Path) -> None:
    async def body(store: StoreThread, _told: Told) -> list[str]:
        with pytest.raises(ZeroDivisionError):
            await store.read(lambda _reads: 1 // 0)
        return await store.read(titles)

    assert with_store(path, body)[0] == []


def test_a_long_read_delays_no_write(path: Path) -> None:
    async def body(store: StoreThread, _told: Told) -> list[str]:
        reading, go_on = threading.Event(), threading.Event()

        def slow(reads: Reads) -> list[str]:
            before = titles(reads)
            reading.set()
            assert go_on.wait(PATIENCE_S)
            return before + titles(reads)

        pending = store.read(slow)
        await happened(reading)
        await store.do(add("meanwhile"))
        go_on.set()
        return await pending

    seen, _told = with_store(path, body)
    assert seen == [], "one read is one snapshot"
    assert stored(path) == ["meanwhile"]


def test_closing_carries_out_what_was_accepted(path: Path) -> None:
    async def main() -> None:
        store = StoreThread(path)
        gate = await gate_of(store)
        pending = [store.do(add(str(n))) for n in range(50)]
        gate.open()
        await store.close()
        assert all(future.done() for future in pending)

    asyncio.run(main())
    assert len(stored(path)) == 50


def test_after_closing_every_call_is_told(path: Path) -> None:
    async def main() -> None:
        store = StoreThread(path)
        await store.close()
        await store.close()
        for future in (store.do(add()), store.read(titles)):
            with pytest.raises(StoreClosed, match="closed"):
                await future

    asyncio.run(main())


_FOREVER = """
WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)
SELECT count(*) FROM n
"""


@pytest.mark.parametrize("starts", ["before the close", "during the close"])
def test_closing_ends_a_read(path: Path, starts: str) -> None:
    async def main() -> None:
        store = StoreThread(path)
        begun, go_on = threading.Event(), threading.Event()

        def forever(_reads: Reads) -> None:
            begun.set()
            if starts == "during the close":
                assert go_on.wait(PATIENCE_S)
            store._reader._db.execute(_FOREVER).get  # noqa: B018

        running, waiting = store.read(forever), store.read(titles)
        await happened(begun)
        closing = asyncio.ensure_future(store.close())
        await asyncio.sleep(0)
        go_on.set()
        async with asyncio.timeout(PATIENCE_S):
            await closing
        for future in (running, waiting):
            with pytest.raises(StoreClosed):
                await future

    asyncio.run(main())


def test_the_log_stays_bounded_under_a_load_that_never_pauses(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpointing, "STEP_PAGES", 50)
    monkeypatch.setattr(checkpointing, "BOUND_PAGES", 300)

    async def body(store: StoreThread, _told: Told) -> int:
        for _ in range(60):
            await store.do(add("x", "t" * 100_000))
        return path.with_name("kanban.db-wal").stat().st_size

    size, _told = with_store(path, body)
    written = 60 * 100_000
    assert size < written / 2


def test_closing_leaves_one_file(path: Path) -> None:
    async def body(store: StoreThread, _told: Told) -> None:
        await store.do(add())

    with_store(path, body)
    assert [file.name for file in path.parent.iterdir()] == ["kanban.db"]


@pytest.mark.parametrize(
    "error", [apsw.IOError("disk I/O error"), RuntimeError("a bug")]
)
def test_what_fails_after_a_commit_is_told_and_nothing_hangs(
    path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(_self: checkpointing.Checkpointer) -> None:
        raise error

    async def body(store: StoreThread, told: Told) -> None:
        monkeypatch.setattr(checkpointing.Checkpointer, "after_commit", fails)
        async with asyncio.timeout(PATIENCE_S):
            await store.do(add("kept"))
            with pytest.raises(StoreFailed):
                await store.do(add("refused"))
        assert told.fatal == [error]

    with_store(path, body)
    assert stored(path) == ["kept"]


def test_a_checkpoint_that_meets_a_damaged_file_leaves_it_to_the_writer(
    path: Path,
) -> None:
    class Damaged:
        def wal_checkpoint(self, *, mode: int) -> None:
            raise apsw.CorruptError(f"malformed, in mode {mode}")

    async def body(store: StoreThread, told: Told) -> None:
        store._writer._checkpointer._checkpoint(Damaged())  # type: ignore[arg-type]
        await store.do(add("after"))
        assert told.fatal == []

    with_store(path, body)
