"""The held lock: one daemon for a state directory, and one for a runtime directory.

A lock (flock(2)), not a pid file: the kernel lets go of it whatever way the daemon
dies, and a pid is not an identity. The file's text is for people.
"""

import contextlib
import fcntl
import os
from pathlib import Path

from kanband.errors import PASSING, AlreadyRunning, ConfigError, SystemTrouble


class HeldLock:
    """An exclusive lock on a file, held until ``release`` or death."""

    def __init__(self, path: Path, option: str = "--state-dir") -> None:
        """Take it. Raises ``AlreadyRunning`` when another process holds it, and
        ``ConfigError`` for what is no file of ours, ``SystemTrouble`` for a disk that
        refuses it now; ``option`` is the flag that chooses its directory."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            self._fd = os.open(path, flags, 0o600)
        except OSError as error:
            if error.errno in PASSING:
                raise SystemTrouble(
                    f"the lock {path} cannot be taken now: {error.strerror}; look at "
                    "its disk (df, dmesg) and start again"
                ) from error
            raise ConfigError(
                f"the lock {path} cannot be taken: {error.strerror}; it was left "
                f"alone: look at it, move it away, or give another {option}",
            ) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._fd, 64, 0).decode("ascii", "replace").strip()
            os.close(self._fd)
            raise AlreadyRunning(path, holder, option) from None
        # A full disk may refuse it, and the lock holds without.
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode("ascii"), 0)

    def release(self) -> None:
        """Let go; the file stays, since removing it would open a race."""
        os.close(self._fd)
