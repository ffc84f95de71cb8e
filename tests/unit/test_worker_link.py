"""The worker's end of the link, while the daemon does not read."""

import asyncio
from collections.abc import Iterator

import pytest
import zmq

from kanban_ipc import frames
from kanban_ipc.link import (
    DaemonMessage,
    Hello,
    Log,
    ProcessId,
    Welcome,
    WorkerMessage,
)
from kanban_ipc.words import Epoch, RunId, WorkerId
from kanban_worker.shell import link

ENDPOINT = "inproc://daemon"
FRAME = 64
PATIENCE_S = 10.0


def line(seq: int) -> Log:
    return Log(RunId("run"), Epoch(1), seq, 0, "info", "x")


class ListenerDouble:
    """Implements ``link.Listener``: keeps what is not acknowledged."""

    def __init__(self) -> None:
        self.link: link.Link
        self.kept: list[Log] = []
        self.seq = 0
        self.is_welcome = asyncio.Event()

    def say(self, count: int) -> None:
        for _ in range(count):
            self.seq += 1
            self.kept.append(line(self.seq))
            self.link.post(self.kept[-1])

    def acknowledged(self, seq: int) -> None:
        self.kept = [each for each in self.kept if each.seq > seq]

    def hello(self) -> Hello:
        return Hello(1, WorkerId("w"), "i", "s", ProcessId("b", 1, 1), 1)

    def welcomed(self, welcome: Welcome | None) -> None:
        self.is_welcome.set()
        for message in self.kept if welcome is None else ():
            self.link.post(message)

    def received(self, message: DaemonMessage) -> None:
        raise AssertionError(message)

    def malformed(self, reason: str) -> None:
        raise AssertionError(reason)


class Daemon:
    """A ROUTER that reads when it is told to."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
        self.socket = context.socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.RCVHWM, 1)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.bind(ENDPOINT)

    async def hear(self) -> list[WorkerMessage]:
        loop = asyncio.get_running_loop()
        patience_ms = int(PATIENCE_S * 1000)
        assert await loop.run_in_executor(None, self.socket.poll, patience_ms)
        self.peer, frame = self.socket.recv_multipart()
        return frames.from_worker(frame)

    def welcome(self) -> None:
        frame = frames.join([frames.encode(Welcome(1, 5.0, "now"))])
        self.socket.send_multipart([self.peer, frame])


@pytest.fixture
def context() -> Iterator["zmq.Context[zmq.Socket[bytes]]"]:
    made: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    yield made
    made.destroy(linger=0)


def test_nothing_is_said_between_what_was_dropped_and_its_repetition(
    context: "zmq.Context[zmq.Socket[bytes]]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """An acknowledgement is cumulative: of what comes later it would cover the gap."""
    monkeypatch.setattr(link, "LINK_HWM", 1)
    monkeypatch.setattr(link, "WAITING_MAX", 4 * FRAME)

    async def body() -> list[int]:
        daemon, listener = Daemon(context), ListenerDouble()
        own = listener.link = link.Link(ENDPOINT, b"w:i", listener, lambda: 0, context)
        await daemon.hear()
        daemon.welcome()
        async with asyncio.timeout(PATIENCE_S):
            await listener.is_welcome.wait()
        listener.say(4 * FRAME + 1)  # the last is dropped
        await asyncio.sleep(0)  # some frames leave, until no more fit
        listener.say(1)
        heard: list[int] = []
        while not heard or heard[-1] < listener.seq:
            heard += [each.seq for each in await daemon.hear() if type(each) is Log]
            listener.acknowledged(heard[-1])
        own.close()
        daemon.socket.close()
        return heard

    heard = asyncio.run(body())
    known = 0
    for seq in heard:
        assert seq <= known + 1, f"{known + 1} was never said, and {seq} follows"
        known = max(known, seq)
