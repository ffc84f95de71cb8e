"""A connection of whole packets on the loop: unix(7), SOCK_SEQPACKET.

asyncio's transports know streams and datagrams only. Absent: what the packets mean.
"""

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from kanban_ipc.bounds import SPAWNER_MESSAGE_BYTES_MAX

_PACKETS_PER_TURN_MAX: Final = 64
"""After so many the loop gets a turn; the rest is still readable then."""


class SeqPacket:
    """One end; descriptors that are sent belong to this object from then on."""

    def __init__(
        self,
        sock: socket.socket,
        on_packet: Callable[[bytes], None],
        on_closed: Callable[[], None],
    ) -> None:
        """``sock`` is connected and non-blocking. ``on_closed`` is called once, when
        the peer has closed or broken it; not after ``close``.
        """
        self._sock = sock
        self._on_packet = on_packet
        self._on_closed = on_closed
        self._outbox: deque[tuple[bytes, int | None]] = deque()
        self._loop = asyncio.get_running_loop()
        self._open = True
        self._loop.add_reader(sock, self._readable)

    def send(self, packet: bytes, descriptor: int | None = None) -> None:
        """Send, or queue behind what could not be sent yet. The caller bounds the
        number of packets it has under way. Nobody is told on a closed connection.
        """
        if not self._open:
            if descriptor is not None:
                os.close(descriptor)
            return
        self._outbox.append((packet, descriptor))
        if len(self._outbox) == 1:
            self._flush()

    def close(self) -> None:
        """Give everything back. May be called twice."""
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._sock.close()
        while self._outbox:
            _, descriptor = self._outbox.popleft()
            if descriptor is not None:
                os.close(descriptor)

    def _flush(self) -> None:
        while self._outbox:
            packet, descriptor = self._outbox[0]
            descriptors = [] if descriptor is None else [descriptor]
            try:
                socket.send_fds(self._sock, [packet], descriptors)
            except BlockingIOError:
                self._loop.add_writer(self._sock, self._flush)
                return
            except OSError:
                self._break()
                return
            self._outbox.popleft()
            if descriptor is not None:
                os.close(descriptor)
        self._loop.remove_writer(self._sock)

    def _readable(self) -> None:
        for _ in range(_PACKETS_PER_TURN_MAX):
            if not self._open:
                return
            try:
                packet = self._sock.recv(SPAWNER_MESSAGE_BYTES_MAX)
            except BlockingIOError:
                return
            except OSError:
                packet = b""
            if not packet:
                self._break()
                return
            self._on_packet(packet)

    def _break(self) -> None:
        self.close()
        # Not from within a caller's send.
        self._loop.call_soon(self._on_closed)


def connect(path: Path) -> socket.socket:
    """Connect to a listening socket; at once or not at all. Raises ``OSError``."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.setblocking(False)
    try:
        sock.connect(str(path))
    except OSError:
        sock.close()
        raise
    return sock
