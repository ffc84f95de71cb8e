"""Everything that is wrong with the daemon now: the reasons of ``healthy: false``.

Each part has words of its own (store, fleet, runs). Decided here are those that no part
can know: whether the loop turns in time, whether descriptors run short, and whether
the disk takes what runs write. Nothing is remembered: a trouble that is over is gone.
"""

import os
import resource
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

LATE_S: Final = 2.0
"""A turn of the loop takes milliseconds; people notice an answer this late."""
FREE_BYTES_MIN: Final = 16 << 20
"""Below it a run of some output may fill the disk at any time."""
SPARE_MAX: Final = 64
"""Descriptors that clients leave to workers, the store and programs to be started."""


class Troubles:
    """Asked for ``status``, ``doctor`` and the service manager."""

    def __init__(
        self, state_dir: Path, parts: Sequence[Callable[[], Sequence[str]]]
    ) -> None:
        """``parts``: whose words come first."""
        self._state_dir = state_dir
        self._parts = parts
        self._late_s = 0.0

    def beat(self, late_s: float) -> None:
        """The loop has turned, this much later than it should have."""
        self._late_s = late_s

    def problems(self) -> list[str]:
        """Each says what it means and what to do."""
        said = [word for part in self._parts for word in part()]
        return [*said, *_descriptors(), *self._disk(), *self._loop()]

    def _disk(self) -> Iterator[str]:
        try:
            found = os.statvfs(self._state_dir)
        except OSError as error:
            yield f"{self._state_dir} cannot be looked at: {error.strerror}"
            return
        if found.f_flag & os.ST_RDONLY:
            yield (
                f"the disk of {self._state_dir} is mounted for reading alone, so "
                "nothing can be kept: dmesg says why; then mount it for writing again"
            )
        elif found.f_bavail * found.f_frsize < FREE_BYTES_MIN:
            mib = found.f_bavail * found.f_frsize / (1 << 20)
            yield (
                f"the disk of {self._state_dir} is full ({mib:.1f} MiB left): runs and "
                "the store fail for want of space, and go on when there is some: "
                "kanbanctl gc frees what is done"
            )

    def _loop(self) -> Iterator[str]:
        if self._late_s >= LATE_S:
            yield (
                f"the daemon was held up for {self._late_s:.0f} s (stopped, or a "
                "machine without time for it); workers are given that time again"
            )


def limit() -> int:
    """How many descriptors this process may have."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft


def short(descriptor: int) -> bool:
    """Whether one that was just opened is among the last: numbers are given out from
    the lowest that is free.
    """
    most = limit()
    return descriptor >= most - min(SPARE_MAX, most // 4)


def _descriptors() -> Iterator[str]:
    most = limit()
    try:
        used = len(os.listdir("/proc/self/fd")) - 1  # noqa: PTH208 - no objects
    except OSError:
        used = most
    if short(used):
        yield (
            f"{used} of {most} file descriptors are in use: clients that are idle lose "
            "their places to new ones, and workers may fail to start. End clients that "
            "never hang up, or allow more (ulimit -n, LimitNOFILE= in the unit)"
        )
