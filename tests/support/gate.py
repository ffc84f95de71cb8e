"""Named pipes between a test and the agents it started: who waits for whom.

``signal`` lets an agent tell the test something, ``release`` lets the test tell
agents to go on. The test holds both ends open, so nobody ever blocks on opening.
"""

import os
import select
import shlex
import time
from pathlib import Path


class Gate:
    """One named pipe; lines go through it."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self._pending = b""

    @property
    def tell(self) -> str:
        """Shell: ``echo WORDS`` with this behind it tells the test."""
        return f"> {shlex.quote(str(self.path))}"

    @property
    def pause(self) -> str:
        """Shell: the agent waits here for ``open``."""
        return f"read -r _ < {shlex.quote(str(self.path))}"

    def open(self, times: int = 1) -> None:
        """Let as many waiting agents pass."""
        os.write(self._descriptor, b"go\n" * times)

    def line(self, timeout_s: float = 15.0) -> str:
        """The next line an agent wrote. Raises ``TimeoutError``."""
        deadline = time.monotonic() + timeout_s
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        while b"\n" not in self._pending:
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not poll.poll(left_s * 1000):
                raise TimeoutError(f"no word through {self.path.name}")
            self._pending += os.read(self._descriptor, 4096)
        line, _, self._pending = self._pending.partition(b"\n")
        return line.decode()

    def close(self) -> None:
        """Give it back."""
        os.close(self._descriptor)
        self.path.unlink(missing_ok=True)
