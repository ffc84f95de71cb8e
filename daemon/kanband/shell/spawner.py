"""The daemon's end of the spawner: one is always there, and nothing is asked twice.

Decided here: a spawner that lives is used, one that died or is stuck is replaced at
once (its workers do not notice), and what becomes of a ``Spawn`` whose answer was lost.
The same spawner is simply asked again, since it starts an incarnation once. After
another one has taken over, the worker's own lock file tells whether the fork happened;
if it does not, that incarnation is given up for good: the fleet makes a new one, and
the old, should it exist after all, is refused at its hello. Absent: which worker is
started, and when.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from kanban_ipc import layout
from kanban_ipc.errors import PeerError
from kanban_ipc.link import ProcessId
from kanban_ipc.spawning import (
    Collected,
    Exited,
    Leave,
    Ready,
    Spawn,
    Spawned,
    SpawnFailed,
    ToSpawner,
    encode,
    from_spawner,
)
from kanban_ipc.version import VERSION
from kanban_ipc.words import WorkerId
from kanband.core import backoff
from kanband.shell import spawn_requests
from kanband.shell.identity import read_lock
from kanband.shell.pidfd import Pidfd, ProcessGone
from kanband.shell.seqpacket import SeqPacket, connect
from kanband.shell.spawn_requests import Request, SpawnRequests, secret_descriptor
from kanband.shell.spawner_start import SpawnerTrouble, Starter

_LEAVE_WAIT_S: Final = 5.0
"""For a spawner without workers to close its connection."""


class Answers(Protocol):
    """Who is told what the spawner says; called from the loop."""

    def on_ready(self) -> None:
        """There is one, and it can be asked."""

    def on_spawned(self, message: Spawned) -> None: ...

    def on_spawn_failed(self, message: SpawnFailed) -> None: ...

    def on_exited(self, message: Exited) -> None:
        """Answer with ``collected`` once it is committed."""


class SpawnerClient:
    """One connection at a time, to one spawner after another."""

    def __init__(
        self,
        state_dir: Path,
        runtime_dir: Path,
        *,
        starter: Starter,
        answers: Answers,
        jitter: Callable[[], float],
    ) -> None:
        """``jitter`` gives numbers in [-1, 1]."""
        self._state_dir = state_dir
        self._socket_path = runtime_dir / layout.SPAWNER_SOCKET
        self._starter = starter
        self._answers = answers
        self._jitter = jitter
        self._connection: SeqPacket | None = None
        self._ready: Ready | None = None
        self._last: ProcessId | None = None
        """Who was connected last."""
        self._kept_exits_due = 0
        self._greeted: asyncio.Future[Ready] | None = None
        self._lost = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._requests = SpawnRequests(self._kill_stuck)
        self._children: set[str] = set()
        self.problem = ""
        """Why there is no spawner now; empty when there is one."""

    @property
    def pid(self) -> int | None:
        """Of the spawner that is connected."""
        return None if self._ready is None else self._ready.process.pid

    @property
    def outdated(self) -> bool:
        """The one that is connected is of another version than we are."""
        return self._ready is not None and self._ready.program_version != VERSION

    def knows(self, incarnation: str) -> bool:
        """Whether the connected spawner will report the end of this one."""
        return self._ready is not None and incarnation in self._children

    # --------------------------------------------------------- beginning, ending

    async def find(self) -> Ready | None:
        """Connect to a spawner that lives already, if there is one; the exits that it
        has kept have been told when this returns."""
        try:
            return await self._reach()
        except SpawnerTrouble:
            return None

    def keep(self) -> None:
        """From now on see to it that there is one."""
        self._keeper = asyncio.create_task(self._keep(), name="spawner")

    async def renew(self) -> None:
        """Send away one of another version; return when it has let go. It stays its
        workers' parent until the last of them ends, and ``keep`` starts the next.
        """
        assert self._ready is not None, "there is one"
        old = self._ready.process
        try:
            watch = Pidfd(old, lambda: None)
        except ProcessGone:
            return
        watch.signal(signal.SIGTERM)
        watch.close()
        try:
            async with asyncio.timeout(_LEAVE_WAIT_S):
                await self._lost.wait()
        except TimeoutError:
            self._kill_stuck()

    async def leave(self) -> None:
        """Send it away, its workers having ended; return when it has gone."""
        await self._stop_keeping()
        if self._connection is None:
            # It may be on its way up, and would wait for us for a minute.
            self._starter.dismiss()
            return
        self._send(Leave())
        try:
            async with asyncio.timeout(_LEAVE_WAIT_S):
                await self._lost.wait()
        except TimeoutError:
            self.problem = f"the spawner (process {self.pid}) does not leave"

    async def close(self) -> None:
        """Let go of it; it and its workers stay."""
        await self._stop_keeping()
        self._disconnect()
        self._starter.close()

    async def _stop_keeping(self) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.wait([keeper])

    async def _keep(self) -> None:
        policy = backoff.Policy()
        history = backoff.History()
        loop = asyncio.get_running_loop()
        while True:
            if self._connection is not None:
                await self._lost.wait()
                continue
            try:
                await self._start_or_reach()
            except SpawnerTrouble as error:
                self.problem = str(error)
                history = backoff.failed(history, loop.time(), policy)
                await asyncio.sleep(backoff.delay_s(history, self._jitter(), policy))
            else:
                history = backoff.History()

    async def _start_or_reach(self) -> None:
        try:
            await self._reach()
        except SpawnerTrouble:
            await self._starter.start()
            await self._reach()

    async def _reach(self) -> Ready:
        try:
            sock = connect(self._socket_path)
        except OSError as error:
            raise SpawnerTrouble(f"{self._socket_path}: {error.strerror}") from error
        self._lost.clear()
        self._greeted = asyncio.get_running_loop().create_future()
        self._connection = SeqPacket(sock, self._on_packet, self._on_closed)
        try:
            async with asyncio.timeout(spawn_requests.ANSWER_WAIT_S):
                ready = await self._greeted
        except TimeoutError as error:
            self._kill_stuck()
            raise SpawnerTrouble("the spawner does not answer; replacing it") from error
        except ConnectionError as error:
            raise SpawnerTrouble("the spawner has hung up") from error
        finally:
            self._greeted = None
        self.problem = ""
        return ready

    # --------------------------------------------------------------- for the fleet

    def spawn(self, wish: Spawn, secret: str) -> None:
        """Ask for a worker; exactly one of the ``Answers`` follows."""
        self._requests.add(wish, secret)
        self._pump()

    def withdraw(self, incarnation: str) -> bool:
        """True: it had not been asked for yet, and will not be."""
        return self._requests.withdraw(incarnation)

    def risen(self, incarnation: str) -> None:
        """It has said hello, or is no more: the next may be started."""
        if self._requests.risen(incarnation):
            self._pump()

    def collected(self, worker_id: WorkerId, incarnation: str) -> None:
        """The end is committed. Lost with the connection, it is told once more."""
        self._children.discard(incarnation)
        if self._ready is not None:
            self._send(Collected(worker_id=worker_id, incarnation=incarnation))

    # ---------------------------------------------------------------- conversation

    def _pump(self) -> None:
        while self._ready is not None:
            request = self._requests.take()
            if request is None:
                return
            self._ask(request)

    def _ask(self, request: Request) -> None:
        wish = request.wish
        try:
            descriptor = secret_descriptor(request.secret)
        except OSError as error:
            self._requests.answered(wish.incarnation)
            self._answers.on_spawn_failed(
                SpawnFailed(
                    worker_id=wish.worker_id,
                    incarnation=wish.incarnation,
                    reason=f"no descriptor for its secret: {error.strerror}",
                )
            )
        else:
            self._send(wish, descriptor)

    def _send(self, message: ToSpawner, descriptor: int | None = None) -> None:
        assert self._connection is not None
        self._connection.send(encode(message), descriptor)

    def _on_packet(self, packet: bytes) -> None:
        try:
            message = from_spawner(packet)
        except PeerError as error:
            self.problem = str(error)
            self._kill_stuck()
            return
        match message:
            case Ready():
                self._on_ready(message)
            case Spawned():
                self._children.add(message.incarnation)
                if self._requests.answered(message.incarnation):
                    self._answers.on_spawned(message)
            case SpawnFailed():
                if self._requests.answered(message.incarnation):
                    self._answers.on_spawn_failed(message)
            case Exited():
                self._on_exited(message)
        self._pump()

    def _on_ready(self, ready: Ready) -> None:
        same = self._last == ready.process
        self._ready, self._last = ready, ready.process
        self._children = {incarnation for _, incarnation, _ in ready.workers}
        self._kept_exits_due = ready.exits
        self._settle(same=same)
        self._greet()
        self._answers.on_ready()

    def _on_exited(self, message: Exited) -> None:
        # It may be the answer to a spawn: it was started, and is gone already.
        self._requests.answered(message.incarnation)
        self._children.discard(message.incarnation)
        self._answers.on_exited(message)
        if self._kept_exits_due:
            self._kept_exits_due -= 1
            self._greet()

    def _greet(self) -> None:
        if self._greeted and not self._greeted.done() and not self._kept_exits_due:
            assert self._ready is not None
            self._greeted.set_result(self._ready)

    # ------------------------------------------------------------------- its death

    def _settle(self, *, same: bool) -> None:
        """What was asked on an earlier connection, and not answered."""
        for request in self._requests.unanswered():
            if same:
                self._requests.sent(request)
                self._ask(request)
            else:
                self._find_out(request.wish)

    def _find_out(self, wish: Spawn) -> None:
        name = f"{wish.worker_id}{layout.WORKER_LOCK_SUFFIX}"
        lock = read_lock(self._state_dir / layout.WORKERS_DIR / name)
        if lock.held and lock.process and lock.incarnation == wish.incarnation:
            self._answers.on_spawned(
                Spawned(
                    worker_id=wish.worker_id,
                    incarnation=wish.incarnation,
                    process=lock.process,
                )
            )
            return
        self._answers.on_spawn_failed(
            SpawnFailed(
                worker_id=wish.worker_id,
                incarnation=wish.incarnation,
                reason="the spawner died before it answered",
            )
        )

    def _on_closed(self) -> None:
        self._disconnect()
        self._lost.set()
        if self._greeted is not None and not self._greeted.done():
            self._greeted.set_exception(ConnectionResetError("closed"))

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._ready = None
        self._requests.hold()

    def _kill_stuck(self) -> None:
        """It owes an answer, or talks nonsense. Only the process that provably holds
        the spawner's lock is killed."""
        lock = read_lock(self._state_dir / layout.SPAWNER_LOCK)
        if lock.held and lock.process is not None and lock.process.pid != os.getpid():
            _kill(lock.process)
        self._on_closed()


def _kill(process: ProcessId) -> None:
    try:
        watch = Pidfd(process, lambda: None)
    except ProcessGone:
        return
    watch.signal(signal.SIGKILL)
    watch.close()
