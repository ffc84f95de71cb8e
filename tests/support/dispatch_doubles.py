"""Around a dispatch: a store that can be held up, a crew and a link as a test says."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from kanban_ipc import frames, link
from kanban_ipc.link import DaemonMessage
from kanban_ipc.words import WorkerId
from kanband.shell.live import Restriction
from kanband.store.questions import Reads
from kanband.store.verbs import Verbs
from kanband.store.writer import StoreThread
from support.refusing_store import RefusingStore

T = TypeVar("T")
HOLD_S = 30.0
"""At the longest: what is never let go would hold up the end of the tests."""


class BenchStore(RefusingStore):
    """The real store; its writer can be held up, and it knows what it still owes."""

    def __init__(self, store: StoreThread) -> None:
        super().__init__(store)
        self.owed: set[asyncio.Future[Any]] = set()
        self.writes = 0
        self._gate = threading.Event()

    def do(self, call: Callable[[Verbs], T]) -> asyncio.Future[T]:
        self.writes += 1
        return self._owe(super().do(call))

    def read(self, call: Callable[[Reads], T]) -> asyncio.Future[T]:
        return self._owe(super().read(call))

    def hold(self) -> None:
        """Writes from now on are not committed before ``let_go``."""
        gate = self._gate = threading.Event()
        self._store.do(lambda _verbs: gate.wait(HOLD_S))

    def let_go(self) -> None:
        self._gate.set()

    def _owe(self, future: asyncio.Future[T]) -> asyncio.Future[T]:
        self.owed.add(future)
        future.add_done_callback(self.owed.discard)
        return future


class CrewDouble:
    """Implements ``dispatch.Crew`` and ``reception.Admission``."""

    def __init__(self) -> None:
        self.refusals: dict[str, link.Refused] = {}
        self.limits: dict[str, Restriction] = {}
        self.welcomed: list[str] = []
        self.left: list[tuple[str, str]] = []
        self.settled: list[str] = []
        self.returning: set[str] = set()

    def verify(self, hello: link.Hello) -> link.Refused | None:
        return self.refusals.get(hello.worker_id)

    def on_hello(self, hello: link.Hello) -> None:
        self.welcomed.append(hello.worker_id)

    def on_goodbye(self, worker_id: WorkerId, reason: str) -> None:
        self.left.append((worker_id, reason))

    def heard(self, worker_id: WorkerId) -> None:
        """Of no interest here."""

    def processed(self, worker_id: WorkerId, count: int = 1) -> None:
        self.settled += [worker_id] * count

    def restriction(self, worker_id: WorkerId) -> Restriction:
        return self.limits.get(worker_id, Restriction())

    def returns(self, worker_id: WorkerId) -> bool:
        return worker_id in self.returning


class SenderDouble:
    """Keeps what is sent; ``gone`` peers cannot be reached."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, DaemonMessage]] = []
        self.gone: set[bytes] = set()

    def send(self, peer: bytes, messages: Sequence[DaemonMessage]) -> bool:
        for message in messages:
            frames.encode(message)  # As the link does, all before any.
        if peer in self.gone:
            return False
        self.sent += [(peer, message) for message in messages]
        return True
