"""What workers use: memory and processor time, looked at slowly and only when asked.

Nothing samples on its own: an idle system costs nothing. Absent: the trees of the runs,
which their shims account for.
"""

from dataclasses import dataclass
from typing import Final

import psutil

from kanban_ipc.link import ProcessId

AGE_MAX_S: Final = 5.0
"""A sample is good for so long."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one process."""

    rss_bytes: int
    cpu_percent: float
    """Of one processor, since the sample before (the first: since its start)."""


@dataclass(slots=True)
class _Sample:
    usage: Usage
    at: float
    cpu_s: float


class Sampler:
    """Keeps the last sample of each process."""

    def __init__(self) -> None:
        """No samples."""
        self._samples: dict[ProcessId, _Sample] = {}

    def usage(self, process: ProcessId, now: float, age_s: float) -> Usage | None:
        """``now``: monotonic; ``age_s``: since the process started. None: gone."""
        last = self._samples.get(process)
        if last is not None and now - last.at < AGE_MAX_S:
            return last.usage
        try:
            looked = psutil.Process(process.pid)
            with looked.oneshot():
                rss_bytes = looked.memory_info().rss
                times = looked.cpu_times()
        except psutil.Error:
            self._samples.pop(process, None)
            return None
        cpu_s = times.user + times.system
        span_s = age_s if last is None else now - last.at
        used_s = cpu_s if last is None else cpu_s - last.cpu_s
        percent = 100.0 * used_s / span_s if span_s > 0 else 0.0
        usage = Usage(rss_bytes, round(percent, 1))
        self._samples[process] = _Sample(usage, now, cpu_s)
        return usage

    def forget_all_but(self, alive: set[ProcessId]) -> None:
        """Drop the samples of processes that are gone."""
        for process in self._samples.keys() - alive:
            del self._samples[process]
