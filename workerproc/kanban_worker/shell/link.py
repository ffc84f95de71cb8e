"""The worker's end of the link: a DEALER, drained by its descriptor.

Theory. ZeroMQ's descriptor is edge-triggered, and every send or receive may swallow
an edge; so after each of them EVENTS is read again (``_turn``). A monitor tells of
every new connection that shook hands, and ``Hello`` is the first thing said on it.
Nothing is sent before ``Welcome``: what is said on a connection that is not
established, or that is replaced, is lost, and the reliable messages among it are said
again by whoever keeps them (``Listener.welcomed``).

What is posted in one turn of the loop leaves in one frame. While the daemon does not
read, at most ``WAITING_MAX`` messages wait here; from the first that is dropped on
everything is, and once the daemon has read the others the reliable ones are repeated as
after a ``Welcome``. What came between would have the dropped ones acknowledged with it.

Absent: what the messages mean (``kanban_worker.shell.desk``).
"""

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol, cast

import zmq

from kanban_ipc import frames
from kanban_ipc.bounds import (
    LINK_FRAME_BYTES_MAX,
    LINK_FRAMES_PER_TURN_MAX,
    LINK_HWM,
)
from kanban_ipc.errors import PeerError
from kanban_ipc.link import DaemonMessage, Hello, HelloWanted, Welcome, WorkerMessage

RECONNECT_MS: Final = 20
RECONNECT_MAX_MS: Final = 1_000
LINGER_MS: Final = 500
"""Time for the last words (``Goodbye``) of a worker that leaves."""
WAITING_MAX: Final = 4_096
INPROC: Final = "inproc://"
# Plain integers: the enumerations' operators cost more than the call they stand for.
_EVENTS: Final = int(zmq.EVENTS)
_READABLE: Final = int(zmq.POLLIN)
_WRITABLE: Final = int(zmq.POLLOUT)
_MONITORED: Final = (
    zmq.Event.HANDSHAKE_SUCCEEDED | zmq.Event.DISCONNECTED | zmq.Event.CLOSED
)


class Listener(Protocol):
    """Who is told."""

    def hello(self) -> Hello:
        """The words for a new connection."""

    def welcomed(self, welcome: Welcome | None) -> None:
        """Say again what is not acknowledged. None: the connection is the same."""

    def received(self, message: DaemonMessage) -> None:
        """Anything but ``Welcome`` and ``HelloWanted``."""

    def malformed(self, reason: str) -> None:
        """The daemon sent what cannot be read; it is ignored."""


class Link:
    """One conversation with whoever is the daemon."""

    def __init__(
        self,
        endpoint: str,
        identity: bytes,
        listener: Listener,
        clock: Callable[[], float],
        context: "zmq.Context[zmq.Socket[bytes]] | None" = None,
    ) -> None:
        """``clock``: monotonic seconds. ``context``: where an ``inproc://`` endpoint
        is bound already; it stays its owner's."""
        self._listener = listener
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._own_context = context is None
        self._context = context or zmq.Context()
        self._socket = _dealer(self._context, identity)
        self._monitor: zmq.Socket[bytes] = self._socket.get_monitor_socket(_MONITORED)
        self._waiting: deque[bytes] = deque()
        self._overflowed = False
        self._flushing = False
        self.is_welcome = False
        self.heard_at = clock()
        """When the daemon last said anything, on ``clock``."""
        self._loop.add_reader(self._monitor.FD, self._monitored)
        self._loop.add_reader(self._socket.FD, self._turn)
        self._socket.connect(endpoint)
        if endpoint.startswith(INPROC):
            # No handshake, hence nothing for the monitor to tell: it is connected.
            self._new_connection(True)
        self._loop.call_soon(self._monitored)

    def post(self, message: WorkerMessage) -> None:
        """Say it with the other words of this turn; lost when nobody listens."""
        if not self.is_welcome:
            return
        if self._overflowed or len(self._waiting) >= WAITING_MAX:
            self._overflowed = True
            return
        self._waiting.append(frames.encode(message))
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        """Send what was posted, as far as the daemon takes it, and leave."""
        self._flush()
        self._loop.remove_reader(self._monitor.FD)
        self._loop.remove_reader(self._socket.FD)
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
        self._socket.close(linger=LINGER_MS)
        if self._own_context:
            self._context.term()

    def _monitored(self) -> None:
        connected: bool | None = None
        while (event := _next_event(self._monitor)) is not None:
            connected = event == zmq.Event.HANDSHAKE_SUCCEEDED
        if connected is not None:
            self._new_connection(connected)
        self._turn()

    def _new_connection(self, connected: bool) -> None:
        self.is_welcome = False
        self._overflowed = False
        self._waiting.clear()
        if connected:
            self._waiting.append(frames.encode(self._listener.hello()))

    def _turn(self) -> None:
        """Do all that the socket allows now."""
        if self._socket.closed:
            return
        for _ in range(LINK_FRAMES_PER_TURN_MAX):
            events = cast("int", self._socket.getsockopt(_EVENTS))
            if events & _READABLE:
                self._receive()
            elif events & _WRITABLE and self._waiting:
                self._send()
            else:
                return
        self._loop.call_soon(self._turn)

    def _flush(self) -> None:
        self._flushing = False
        self._turn()

    def _receive(self) -> None:
        try:
            parts = self._socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return
        self.heard_at = self._clock()
        for part in parts:
            try:
                messages = frames.from_daemon(part)
            except PeerError as error:
                self._listener.malformed(str(error))
                continue
            for message in messages:
                self._dispatch(message)

    def _dispatch(self, message: DaemonMessage) -> None:
        if isinstance(message, Welcome):
            self.is_welcome = True
            self._listener.welcomed(message)
        elif isinstance(message, HelloWanted):
            self._new_connection(True)
        else:
            self._listener.received(message)

    def _send(self) -> None:
        waiting = self._waiting
        batch = frames.take(waiting)
        try:
            self._socket.send(frames.join(batch), zmq.NOBLOCK)
        except zmq.Again:
            waiting.extendleft(reversed(batch))
            return
        if self._overflowed and not waiting:
            self._overflowed = False
            self._listener.welcomed(None)


def _dealer(
    context: "zmq.Context[zmq.Socket[bytes]]", identity: bytes
) -> "zmq.Socket[bytes]":
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.IDENTITY, identity)
    socket.setsockopt(zmq.IMMEDIATE, 1)
    socket.setsockopt(zmq.LINGER, LINGER_MS)
    socket.setsockopt(zmq.SNDHWM, LINK_HWM)
    socket.setsockopt(zmq.RCVHWM, LINK_HWM)
    socket.setsockopt(zmq.MAXMSGSIZE, LINK_FRAME_BYTES_MAX)
    socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_MAX_MS)
    return socket


def _next_event(monitor: "zmq.Socket[bytes]") -> int | None:
    """Its number, 16 bits, native order: zmq_socket_monitor(3). None: there is none."""
    try:
        event, _ = monitor.recv_multipart(zmq.NOBLOCK)
    except zmq.Again:
        return None
    return int.from_bytes(event[:2], sys.byteorder)
