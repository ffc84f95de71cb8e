"""``python -m support.status_probe SOCKET``: ask for the status again and again.

A process of its own, so that what it measures is the daemon's time and not that of a
test's own busy loop. Ends when stdin does, and prints the longest answer, in seconds.
"""

import select
import subprocess
import sys
import time
from pathlib import Path

from kanban_ipc.control import StatusCall, StatusReply
from support.control import call

PAUSE_S = 0.05


class StatusProbe:
    """Runs from its making until ``longest_s``."""

    def __init__(self, socket: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.status_probe", str(socket)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def longest_s(self) -> float:
        """Ends it."""
        out, _ = self._process.communicate(timeout=30)
        return float(out)


def main(socket: Path) -> None:
    longest_s = 0.0
    while not select.select([sys.stdin], [], [], PAUSE_S)[0]:
        begun = time.monotonic()
        call(socket, StatusCall(), StatusReply, 60)
        longest_s = max(longest_s, time.monotonic() - begun)
    print(longest_s)  # noqa: T201 - for who started it


if __name__ == "__main__":
    main(Path(sys.argv[1]))
