"""Watching a process by descriptor: pidfd_open(2).

A pidfd refers to one process and to no later one with its pid, works for processes
that are not our children, becomes readable at their end, and signals without a race.
Absent: exit codes; only a parent learns them (waitid on a stranger is ECHILD).
"""

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Final

from kanban_ipc.link import ProcessId
from kanband.shell.identity import lives


class ProcessGone(Exception):
    """The process had ended before it could be watched."""


class Pidfd:
    """A verified process; calls back once at its end."""

    def __init__(self, process: ProcessId, on_exit: Callable[[], None]) -> None:
        """Raises ``ProcessGone`` when this very process does not exist any more.

        ``on_exit`` is called from the running loop, never from here.
        """
        self.process: Final = process
        self._on_exit = on_exit
        try:
            self._fd = os.pidfd_open(process.pid)
        except ProcessLookupError:
            raise ProcessGone(str(process.pid)) from None
        # Only now is the check worth anything: from here on the pid is pinned down.
        if not lives(process):
            os.close(self._fd)
            raise ProcessGone(str(process.pid))
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._ended)

    def signal(self, number: signal.Signals) -> bool:
        """Send it; False: it has ended. Raises ``PermissionError``."""
        if self._fd < 0:
            return False
        try:
            signal.pidfd_send_signal(self._fd, number)
        except ProcessLookupError:
            return False
        return True

    def close(self) -> None:
        """Watch no longer. May be called twice."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _ended(self) -> None:
        self.close()
        self._on_exit()
