"""What the kernel knows of the other end of a Unix socket."""

import asyncio
import select
import socket
import struct
from typing import Final

_UCRED: Final = struct.Struct("iII")


def peer_uid(transport: asyncio.Transport) -> int:
    """Who connected, as the kernel knows it: unix(7), SO_PEERCRED."""
    peer: socket.socket = transport.get_extra_info("socket")
    raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    _pid, uid, _gid = _UCRED.unpack(raw)
    return int(uid)


def has_hung_up(transport: asyncio.Transport | None) -> bool:
    """Whether the peer closed both directions, rather than its sending side alone."""
    if transport is None:
        return True
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return any(event & select.POLLHUP for _fd, event in poll.poll(0))
