"""``execution.log`` of a run: the worker's own lines about it, for people."""

import time
from pathlib import Path

from kanban_ipc import layout
from kanban_ipc.words import LogLevel


class RunLog:
    """Appends; a line that cannot be written is no reason to fail."""

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / layout.RUN_EXECUTION_LOG

    def line(self, level: LogLevel, text: str) -> None:
        """One line; further ones of ``text`` are indented."""
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        body = text.strip().replace("\n", "\n  ")
        try:
            with self._path.open("a", encoding="utf-8", errors="replace") as file:
                file.write(f"{stamp}.{int(now * 1000) % 1000:03d}Z {level} {body}\n")
        except OSError:
            return
