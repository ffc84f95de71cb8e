"""Where the spawner is reached: its lock, its socket, its connection.

Decided here: that there is one spawner for a state directory (a held lock), that its
socket is for its own user alone (and root), whatever became of the directory's mode,
and that a new connection replaces the old. Absent: what is said.
"""

import fcntl
import json
import os
import socket
import stat
import struct
from collections import deque
from pathlib import Path
from typing import Final

from kanban_ipc import layout
from kanban_ipc.bounds import SPAWNER_MESSAGE_BYTES_MAX
from kanban_ipc.link import ProcessId
from kanban_ipc.spawning import FromSpawner, encode

_BACKLOG: Final = 8
_OUTBOX_MAX: Final = 1_000
"""Packets a daemon has not read. It is stopped or broken: drop it, keep the ends."""
_LISTEN_FD: Final = 3
"""The first descriptor a service manager passes: sd_listen_fds(3)."""


_UCRED: Final = struct.Struct("iII")
"""unix(7), SO_PEERCRED."""


class Occupied(Exception):
    """Another spawner serves this state directory."""


def take_lock(state_dir: Path, process: ProcessId) -> int:
    """Hold ``spawner.lock``; the descriptor. Raises ``Occupied``."""
    path = state_dir / layout.SPAWNER_LOCK
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 256, 0).decode("utf-8", "replace").strip()
        os.close(lock)
        raise Occupied(
            f"a spawner already serves {state_dir}: {path.name} is held ({holder}). "
            "This one has touched nothing. The daemon uses the one that runs."
        ) from None
    text = json.dumps(
        {
            "incarnation": "",
            "boot_id": process.boot_id,
            "pid": process.pid,
            "start_ticks": process.start_ticks,
        }
    )
    os.ftruncate(lock, 0)
    os.pwrite(lock, text.encode(), 0)
    return lock


def listen(path: Path) -> socket.socket:
    """The listening socket: the service manager's if it has passed one, else ours."""
    passed = _passed_socket()
    if passed is not None:
        return passed
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Whoever holds the lock owns the name; what lies there is a dead one's.
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # The umask stays the user's: agents inherit it.
    umask = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(umask)
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener


def may_connect(sock: socket.socket) -> bool:
    """Whether the kernel says that our own user, or root, is at the other end."""
    raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    _pid, uid, _gid = _UCRED.unpack(raw)
    return uid in (os.geteuid(), 0)


def _passed_socket() -> socket.socket | None:
    """Systemd's, by LISTEN_PID and LISTEN_FDS; both are taken out of the environment,
    which workers and agents inherit.
    """
    pid = os.environ.pop("LISTEN_PID", "")
    count = os.environ.pop("LISTEN_FDS", "")
    os.environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or count in {"", "0"}:
        return None
    if not stat.S_ISSOCK(os.fstat(_LISTEN_FD).st_mode):
        return None
    os.set_inheritable(_LISTEN_FD, False)
    listener = socket.socket(fileno=_LISTEN_FD)
    listener.setblocking(False)
    return listener


class Connection:
    """The daemon's connection; packets that do not fit wait in order."""

    def __init__(self, sock: socket.socket) -> None:
        """``sock`` is non-blocking and belongs to this object from now on."""
        self.sock: Final = sock
        self._outbox: deque[bytes] = deque()

    @property
    def waiting(self) -> bool:
        """Whether to be told when it can be written again."""
        return bool(self._outbox)

    def send(self, message: FromSpawner) -> None:
        """Queue and flush. Raises ``OSError``: the connection is of no use any more."""
        if len(self._outbox) >= _OUTBOX_MAX:
            raise OSError("the daemon does not read")
        self._outbox.append(encode(message))
        self.flush()

    def flush(self) -> None:
        """Send what fits. Raises ``OSError``."""
        while self._outbox:
            try:
                self.sock.send(self._outbox[0])
            except BlockingIOError:
                return
            self._outbox.popleft()

    def receive(self) -> tuple[bytes, list[int]] | None:
        """One packet and its descriptors; None: nothing there. Raises ``OSError`` on
        a closed connection and on a packet over the bound.
        """
        try:
            data, descriptors, flags, _ = socket.recv_fds(
                self.sock, SPAWNER_MESSAGE_BYTES_MAX, 1, socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return None
        if not data or flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            for descriptor in descriptors:
                os.close(descriptor)
            raise OSError("the connection was closed, or misused")
        return data, descriptors

    def close(self) -> None:
        """Give the descriptor back."""
        self.sock.close()
