"""The daemon's end of the link: a ROUTER drained by its descriptor.

Bytes in, messages out, and back; who may say what is decided in ``reception``. The
socket is not awaited message by message: everything that waits is taken in one turn
of the loop, so that it is decided and committed together. ZeroMQ's descriptor is
edge-triggered, so the socket's events are read again after every receive and send.

Source: zmq_getsockopt(3), ZMQ_FD and ZMQ_EVENTS; zmq_setsockopt(3), ZMQ_ROUTER_*.
"""

import asyncio
import logging
import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

import zmq

from kanban_ipc import bounds, frames
from kanban_ipc.errors import PeerError
from kanban_ipc.link import DaemonMessage, WorkerMessage

_LOG: Final = logging.getLogger(__name__)
# As plain numbers: pyzmq's enums cost more than the system calls, frame by frame.
_NOBLOCK: Final = int(zmq.NOBLOCK)
_RCVMORE: Final = int(zmq.RCVMORE)
_EVENTS: Final = int(zmq.EVENTS)
_POLLIN: Final = int(zmq.POLLIN)
INPROC: Final = "inproc://link"
"""The same inside this process: nobody else can name the context that it is in."""
_COMPLAINTS_LOGGED_MAX: Final = 20
"""A hostile peer must not fill the disk with our complaints about it."""


class Receiver(Protocol):
    """Who decides about what comes in."""

    def receive(self, peer: bytes, message: WorkerMessage) -> None:
        """One message of a peer, in order."""

    def malformed(self, peer: bytes, reason: str) -> None:
        """A frame that is no message; it harms its sender alone."""

    def turn_over(self) -> None:
        """Everything that waited has been delivered."""


class Link:
    """One ROUTER socket on ``ipc://``, and for who asks on ``inproc://`` as well."""

    def __init__(self, path: Path, receiver: Receiver) -> None:
        """``path``: the socket's file; ``receiver`` is called in the loop's thread."""
        self._path = path
        self._receiver = receiver
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._socket: zmq.Socket[bytes] | None = None
        self._fd = -1
        self._listening = False
        self._again = False
        self._complaints = 0
        self._term = True

    def open(self) -> None:
        """Bind; what comes waits. The daemon's held lock has made sure that we may."""
        self._path.unlink(missing_ok=True)
        self._context = zmq.Context(io_threads=1)
        socket = self._context.socket(zmq.ROUTER)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.MAXMSGSIZE, bounds.LINK_FRAME_BYTES_MAX)
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        socket.setsockopt(zmq.SNDHWM, bounds.LINK_HWM)
        socket.setsockopt(zmq.RCVHWM, bounds.LINK_RECEIVE_HWM)
        before = os.umask(0o177)
        try:
            socket.bind(f"ipc://{self._path}")
        finally:
            os.umask(before)
        socket.bind(INPROC)
        self._socket = socket
        self._fd = int(socket.getsockopt(zmq.FD))

    def listen(self) -> None:
        """Deliver what waits and what comes, from now on."""
        self._listening = True
        asyncio.get_running_loop().add_reader(self._fd, self._drain)
        self._look_again()

    @property
    def context(self) -> "zmq.Context[zmq.Socket[bytes]]":
        """Of ``INPROC``; between ``open`` and ``close``."""
        assert self._context is not None, "open comes first"
        return self._context

    def leave_context(self) -> None:
        """Somebody else's socket in it does not close: do not wait for it."""
        self._term = False

    def close(self) -> None:
        """Stop listening; messages that are still queued are dropped."""
        if self._socket is None or self._context is None:
            return
        if self._listening:
            asyncio.get_running_loop().remove_reader(self._fd)
        self._socket.close(linger=0)
        if self._term:
            self._context.term()
        self._socket = None
        self._path.unlink(missing_ok=True)

    def send(self, peer: bytes, messages: Sequence[DaemonMessage]) -> bool:
        """Queue messages for a peer. False: it is not connected or does not read."""
        if self._socket is None:
            return False
        sent = True
        waiting = deque(map(frames.encode, messages))
        while waiting and sent:
            frame = frames.join(frames.take(waiting))
            try:
                self._socket.send_multipart([peer, frame], _NOBLOCK)
            except zmq.ZMQError as error:
                if error.errno not in (zmq.EAGAIN, zmq.EHOSTUNREACH):
                    raise
                sent = False
        self._look_again()
        return sent

    @property
    def waiting(self) -> bool:
        """Whether something has come that was not delivered yet."""
        socket = self._socket
        return socket is not None and bool(int(socket.getsockopt(_EVENTS)) & _POLLIN)

    def _look_again(self) -> None:
        """Turn the edge into a level: drain once more if something waits."""
        if self._listening and not self._again and self.waiting:
            self._again = True
            asyncio.get_running_loop().call_soon(self._drain)

    def _drain(self) -> None:
        self._again = False
        for _ in range(bounds.LINK_FRAMES_PER_TURN_MAX):
            if not self._receive():
                break
        self._receiver.turn_over()
        self._look_again()

    def _receive(self) -> bool:
        """Take one frame and whose it is; False: nothing waits."""
        socket = self._socket
        if socket is None:
            return False
        try:
            peer = socket.recv(_NOBLOCK)
        except zmq.Again:
            return False
        frame = socket.recv(_NOBLOCK) if socket.getsockopt(_RCVMORE) else b""
        surplus = 0
        while socket.getsockopt(_RCVMORE):
            socket.recv(_NOBLOCK)
            surplus += 1
        if surplus:
            self._complain(peer, f"{surplus + 1} frames in one piece")
        else:
            self._deliver(peer, frame)
        return True

    def _deliver(self, peer: bytes, frame: bytes) -> None:
        try:
            messages = frames.from_worker(frame)
        except PeerError as error:
            self._complain(peer, str(error))
            return
        for message in messages:
            self._receiver.receive(peer, message)

    def _complain(self, peer: bytes, reason: str) -> None:
        self._complaints += 1
        if self._complaints <= _COMPLAINTS_LOGGED_MAX:
            _LOG.warning("refused a message on the link from %r: %s", peer, reason)
        self._receiver.malformed(peer, reason)
