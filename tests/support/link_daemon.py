"""A scripted daemon for a real worker: a ROUTER that welcomes, records and obeys.

It answers ``Hello`` with ``Welcome``, ``Heartbeat`` with ``Beat`` and, while ``acks``
is set, every reliable message with ``Ack``. Whatever else is said, the test says.
Blocking: ``expect`` serves the link until the awaited message comes, or fails with
all that did.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import zmq

from kanban_ipc import frames
from kanban_ipc.bounds import LINK_VERSION
from kanban_ipc.link import (
    Ack,
    Assign,
    Beat,
    DaemonMessage,
    Finished,
    Heartbeat,
    Hello,
    Log,
    Started,
    Welcome,
    WorkerMessage,
)

M = TypeVar("M", bound=WorkerMessage)
PATIENCE_S = 20.0


class LinkDaemon:
    """One daemon after another on the same endpoint."""

    def __init__(self, path: Path, *, heartbeat_s: float = 0.2) -> None:
        self.endpoint = f"ipc://{path}"
        self.heartbeat_s = heartbeat_s
        self.away_exit_s = 60.0
        self.acks = True
        self.seen: list[WorkerMessage] = []
        self.sizes: list[int] = []
        self.peer = b""
        self.starts = 0
        self._path = path
        self._taken = 0
        self._context = zmq.Context()
        self._socket: zmq.Socket[bytes] | None = None
        self.open()

    def open(self) -> None:
        """Begin to listen, as a new start of the daemon."""
        self.starts += 1
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind(self.endpoint)

    def go_away(self) -> None:
        """Die: the socket is gone, and so is what was in it."""
        assert self._socket is not None
        self._socket.close(linger=0)
        self._socket = None
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        if self._socket is not None:
            self.go_away()
        self._context.term()

    def send(self, *messages: DaemonMessage) -> None:
        """One frame to the worker that spoke last."""
        self.send_raw(frames.join([frames.encode(message) for message in messages]))

    def send_raw(self, *parts: bytes) -> None:
        assert self._socket is not None
        self._socket.send_multipart([self.peer, *parts])

    def expect(
        self,
        kind: type[M],
        where: Callable[[M], bool] = lambda _: True,
        *,
        within_s: float = PATIENCE_S,
    ) -> M:
        """The next such message; what comes before it is passed over."""
        deadline = time.monotonic() + within_s
        while True:
            while self._taken < len(self.seen):
                message = self.seen[self._taken]
                self._taken += 1
                if isinstance(message, kind) and where(message):
                    return message
            left_s = deadline - time.monotonic()
            shown = [type(each).__name__ for each in self.seen]
            assert left_s > 0, f"no {kind.__name__} within {within_s} s, but {shown}"
            self.serve(left_s)

    def serve(self, within_s: float) -> None:
        """Take what comes next."""
        assert self._socket is not None
        if not self._socket.poll(int(within_s * 1000) + 1):
            return
        self.peer, frame = self._socket.recv_multipart()
        messages = frames.from_worker(frame)
        self.sizes.append(len(messages))
        for message in messages:
            self.seen.append(message)
            self._answer(message)

    def passed(self, kind: type[M]) -> list[M]:
        """All of a kind that were ever said."""
        return [each for each in self.seen if isinstance(each, kind)]

    def _answer(self, message: WorkerMessage) -> None:
        if isinstance(message, Hello):
            start = f"start-{self.starts}"
            away = self.away_exit_s
            self.send(Welcome(LINK_VERSION, self.heartbeat_s, start, away))
        elif isinstance(message, Heartbeat):
            self.send(Beat())
        elif self.acks and isinstance(message, Started | Log | Finished):
            self.send(Ack(message.run_id, message.epoch, message.seq))

    def run(self, assign: Assign) -> Finished:
        """Assign it, and wait for its end."""
        self.send(assign)
        return self.expect(Finished, lambda end: end.run_id == assign.run_id)
