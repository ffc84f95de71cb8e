"""How a run's output grows, seen from its files; and what its processes use."""

import os
import time
from pathlib import Path

from kanban_ipc import layout
from kanban_ipc.link import Observation
from kanban_ipc.words import Epoch, RunId


class Watch:
    """What heartbeats say of a program's work."""

    def __init__(self, run_dir: Path) -> None:
        self._paths = [run_dir / layout.RUN_STDOUT, run_dir / layout.RUN_STDERR]
        self._bytes = 0
        self._grown_at: float | None = None
        self.cpu_ms = 0
        self.rss_bytes = 0

    def running(self, run_id: RunId, epoch: Epoch) -> Observation:
        """Looks at the files; the processes' use is that of the last measure."""
        return Observation(
            run_id=run_id,
            epoch=epoch,
            stage="running",
            alive=True,
            output_bytes=self._look(),
            last_output_ms=int((time.monotonic() - (self._grown_at or 0.0)) * 1000),
            cpu_ms=self.cpu_ms,
            rss_bytes=self.rss_bytes,
        )

    def _look(self) -> int:
        stats = [stat for path in self._paths if (stat := _stat(path))]
        size = sum(stat.st_size for stat in stats)
        if self._grown_at is None:
            # First look, perhaps at a predecessor's run: only the files know.
            last = max((stat.st_mtime for stat in stats), default=time.time())
            self._grown_at = time.monotonic() - max(time.time() - last, 0.0)
        elif size != self._bytes:
            self._grown_at = time.monotonic()
        self._bytes = size
        return size


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
