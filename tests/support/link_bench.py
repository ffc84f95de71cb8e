"""The daemon's end of the link with real ZeroMQ peers, in one event loop."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import zmq

from kanban_ipc import frames
from kanban_ipc.link import DaemonMessage, WorkerMessage
from kanband.shell.link import Link

PATIENCE_S = 20.0


class Peer:
    """One DEALER, whoever it claims to be."""

    def __init__(
        self, context: "zmq.Context[zmq.Socket[bytes]]", path: Path, name: bytes
    ) -> None:
        self.name = name
        self.socket = context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.ROUTING_ID, name)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, 0)
        self.socket.connect(f"ipc://{path}")

    def say(self, *messages: WorkerMessage) -> None:
        """One frame."""
        self.say_raw(frames.join([frames.encode(message) for message in messages]))

    def say_raw(self, *parts: bytes) -> None:
        self.socket.send_multipart(parts, zmq.NOBLOCK)

    async def hear(self) -> list[DaemonMessage]:
        """The next frame."""
        loop = asyncio.get_running_loop()
        there = await loop.run_in_executor(
            None, self.socket.poll, int(PATIENCE_S * 1000)
        )
        assert there, f"{self.name!r} was told nothing"
        return frames.from_daemon(self.socket.recv())


class ReceiverDouble:
    """Implements ``link.Receiver``: keeps what comes, and in which turns it came."""

    def __init__(self) -> None:
        self.heard: list[tuple[bytes, WorkerMessage]] = []
        self.complaints: list[tuple[bytes, str]] = []
        self.turns: list[int] = []
        """How many messages each turn brought."""
        self.after_turn: Callable[[], None] = lambda: None
        self._turn = 0
        self._changed = asyncio.Event()

    def receive(self, peer: bytes, message: WorkerMessage) -> None:
        self.heard.append((peer, message))
        self._turn += 1
        self._changed.set()

    def malformed(self, peer: bytes, reason: str) -> None:
        self.complaints.append((peer, reason))
        self._changed.set()

    def turn_over(self) -> None:
        self.turns.append(self._turn)
        self._turn = 0
        self.after_turn()

    def of(self, peer: Peer) -> list[WorkerMessage]:
        return [message for name, message in self.heard if name == peer.name]

    async def until(self, reached: Callable[[], object]) -> None:
        """Wait until what was heard is enough."""
        async with asyncio.timeout(PATIENCE_S):
            while not reached():
                self._changed.clear()
                await self._changed.wait()


class LinkBench:
    """An open link and as many peers as a test wants."""

    def __init__(self, path: Path, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
        self.path = path
        self.receiver = ReceiverDouble()
        self.link = Link(path, self.receiver)
        self._context = context
        self._peers: list[Peer] = []

    def peer(self, name: bytes = b"worker-1:inc") -> Peer:
        peer = Peer(self._context, self.path, name)
        self._peers.append(peer)
        return peer

    def close(self) -> None:
        self.link.close()
        for peer in self._peers:
            peer.socket.close(0)


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """For sockets, whose paths must be short."""
    with tempfile.TemporaryDirectory(prefix="kanband-", dir="/tmp") as folder:
        yield Path(folder)


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[LinkBench]:
    with short_folder() as folder:
        context: Any = zmq.Context()
        bench = LinkBench(folder / "link.sock", context)
        bench.link.open()
        bench.link.listen()
        try:
            yield bench
        finally:
            bench.close()
            context.term()
