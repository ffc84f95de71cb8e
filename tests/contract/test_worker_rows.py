"""Worker rows on their way into a store that refuses, fails, or is being left."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from kanban_ipc.words import WorkerId
from kanband.shell.clock import SystemClock
from kanband.shell.ledger import Ledger
from kanband.store.errors import StoreFailed
from kanband.store.questions import Reads
from kanband.store.values import WorkerRow
from kanband.store.verbs import Verbs

T = TypeVar("T")
PATIENCE_S = 10.0


class SlowStore:
    """Answers when the test says so."""

    def __init__(self) -> None:
        self.calls: list[asyncio.Future[Any]] = []

    def do(self, call: Callable[[Verbs], T]) -> asyncio.Future[T]:
        del call
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.calls.append(future)
        return future

    def read(self, call: Callable[[Reads], T]) -> asyncio.Future[T]:
        raise NotImplementedError


class Owner:
    def __init__(self) -> None:
        self.row = WorkerRow(
            worker_id=WorkerId("worker-1"), wanted="run", state="RUNNING"
        )


async def turns() -> None:
    """What is due in the loop is over."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("error", [StoreFailed("disk I/O error"), ValueError("a bug")])
def test_a_close_ends_though_the_commit_before_it_fails(error: Exception) -> None:
    async def body() -> None:
        store = SlowStore()
        told: list[BaseException] = []
        ledger = Ledger(store, SystemClock(), told.append)
        marked = ledger.mark(Owner())
        await turns()
        closing = asyncio.ensure_future(ledger.close())
        await turns()
        store.calls[0].set_exception(error)
        await turns()
        assert marked.cancelled()
        store.calls[1].set_exception(error)
        async with asyncio.timeout(PATIENCE_S):
            await closing
        assert told == ([] if isinstance(error, StoreFailed) else [error, error])

    asyncio.run(body())
