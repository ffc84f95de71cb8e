"""``kanban-worker --connect`` as a person starts it."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from signal import SIGTERM, Signals


class HandWorker:
    """One process; what it says is in ``log``."""

    def __init__(
        self, where: str, *words: str, env: Mapping[str, str], log_path: Path
    ) -> None:
        """``where``: the daemon's runtime directory."""
        self._log_path = log_path
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "kanban_worker", "--connect", where, *words],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.pid = self._process.pid

    @property
    def log(self) -> str:
        return self._log_path.read_text()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def signal(self, number: Signals) -> None:
        self._process.send_signal(number)

    def wait(self, within_s: float = 20.0) -> int:
        """Its exit code."""
        return self._process.wait(within_s)

    def end(self, number: Signals = SIGTERM) -> int:
        """Signal it; its exit code."""
        self.signal(number)
        return self.wait()
