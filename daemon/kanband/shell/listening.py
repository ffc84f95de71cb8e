"""The control socket's file: made for us alone, taken from nobody who lives.

A socket file outlives its daemon. Whether one is stale is asked of the kernel: a
connection to it is refused exactly when nobody listens (unix(7), ECONNREFUSED). What
answers, or is not a socket, is left alone.
"""

import errno
import os
import socket
import stat
from pathlib import Path
from typing import Final

from kanband.errors import KanbandError

BACKLOG: Final = 512
"""Callers that may wait to be accepted; whoever comes later blocks in connect(2)."""
_PROBE_S: Final = 1.0


class SocketTaken(KanbandError):
    """The socket's place is somebody else's."""


class Listening:
    """A listening Unix socket (0600) and its file."""

    def __init__(self, path: Path) -> None:
        """Bind and listen. Raises ``SocketTaken``; ``path`` is in a 0700 directory."""
        _clear(path)
        self._path = path
        self.socket = socket.socket(
            socket.AF_UNIX,
            socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK,
        )
        try:
            self.socket.bind(os.fspath(path))
            # Before listen(2) nobody can connect, so no mode in between matters.
            path.chmod(0o600)
            self.socket.listen(BACKLOG)
        except OSError as error:
            self.socket.close()
            raise SocketTaken(
                f"the control socket {path} cannot be made: {error.strerror}; "
                "look at the directory, or give another with --runtime-dir",
            ) from error
        self._identity = _identity(path)

    def remove(self) -> None:
        """Remove the file, unless another has taken its place meanwhile."""
        if _identity(self._path) == self._identity:
            self._path.unlink(missing_ok=True)


def _identity(path: Path) -> tuple[int, int, int] | None:
    """Which file it is; its birth counts, since inode numbers are used again."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _clear(path: Path) -> None:
    """Remove a stale socket's file. Raises ``SocketTaken`` for everything else."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise SocketTaken(
            f"{path} is in the way: it is not a socket, and was left alone; move it "
            "away, or give another directory with --runtime-dir",
        )
    if _answers(path):
        raise SocketTaken(
            f"somebody listens on {path} already; stop it first (kanbanctl shutdown), "
            "or give another directory with --runtime-dir",
        )
    path.unlink(missing_ok=True)


def _answers(path: Path) -> bool:
    """Whether anybody may listen there; only a refused connection says no."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_S)
        try:
            probe.connect(os.fspath(path))
        except OSError as error:
            return error.errno not in (errno.ECONNREFUSED, errno.ENOENT)
    return True
