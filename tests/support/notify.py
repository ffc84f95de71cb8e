"""The manager's end of sd_notify(3): a datagram socket that the daemon reports to."""

import os
import select
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self


class Notify:
    """Owns the socket that ``NOTIFY_SOCKET`` names."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the path back."""
        self._socket.close()
        self.path.unlink(missing_ok=True)

    def await_line(
        self,
        line: str,
        process: subprocess.Popen[bytes],
        timeout_s: float,
    ) -> bool:
        """Wait until the daemon said the line; False when it ended before.

        Raises ``TimeoutError``.
        """
        deadline = time.monotonic() + timeout_s
        ended = os.pidfd_open(process.pid)
        try:
            poll = select.poll()
            poll.register(self._socket, select.POLLIN)
            poll.register(ended, select.POLLIN)
            while line not in self.lines:
                left_s = deadline - time.monotonic()
                ready = [number for number, _ in poll.poll(max(left_s, 0) * 1000)]
                if self._socket.fileno() in ready:
                    self._read()
                elif ended in ready:
                    return False
                elif left_s <= 0:
                    raise TimeoutError(f"no {line} within {timeout_s:g} s")
        finally:
            os.close(ended)
        return True

    def heard(self, line: str) -> bool:
        """Whether it was said by now."""
        self._read()
        return line in self.lines

    def forget(self) -> None:
        """Before a new start: what was said belongs to the one before."""
        self._read()
        self.lines.clear()

    def _read(self) -> None:
        while True:
            try:
                data = self._socket.recv(65536)
            except BlockingIOError:
                return
            self.lines += data.decode().splitlines()
