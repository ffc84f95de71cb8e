"""A real store in front of which writes can be refused, as by a full disk."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from kanband.shell.ports import Store
from kanband.store.errors import StoreFailed
from kanband.store.questions import Reads
from kanband.store.verbs import Verbs

T = TypeVar("T")


class RefusingStore:
    """Refuses as long as ``full`` is set."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.full = False
        self.refused = 0

    def do(self, call: Callable[[Verbs], T]) -> asyncio.Future[T]:
        if not self.full:
            return self._store.do(call)
        self.refused += 1
        future = asyncio.get_running_loop().create_future()
        future.set_exception(StoreFailed("database or disk is full"))
        return future

    def read(self, call: Callable[[Reads], T]) -> asyncio.Future[T]:
        return self._store.read(call)
