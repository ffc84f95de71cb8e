"""Many seeds at once, in processes of their own, and their sums."""

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from queue import Queue
from typing import Any, Final

PROCESSES: Final = 2
"""The whole suite is meant for two cores."""


@dataclass
class Sums:
    """What many seeds have shown."""

    seeds: int = 0
    hours: float = 0.0
    runs: int = 0
    entries: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    digests: dict[int, str] = field(default_factory=dict)
    wrong: dict[int, str] = field(default_factory=dict)

    def add(self, told: dict[str, Any]) -> None:
        self.seeds += 1
        self.digests[told["seed"]] = told["digest"]
        self.hours += told["hours"]
        self.runs += told["runs"]
        self.entries += told["entries"]
        self.counts.update(told["counts"])
        self.faults.update(told["faults"])
        if told["violations"]:
            self.wrong[told["seed"]] = told["violations"][0]

    def line(self) -> str:
        return (
            f"simulated {self.hours:,.0f} hours in {self.seeds} seeds: "
            f"{self.faults.total():,} faults, {self.runs:,} runs, "
            f"{self.entries:,} journal entries, {len(self.wrong)} seeds wrong"
        )


def live_through(
    first: int, seeds: int, progress: Callable[[], None], *, until: Callable[[], bool]
) -> Sums:
    """Seeds from ``first`` on; ends early when ``until`` says so."""
    sums = Sums()
    with _processes(first, seeds) as lines:
        for line in lines:
            sums.add(json.loads(line))
            progress()
            if until():
                break
    return sums


@contextmanager
def _processes(first: int, seeds: int) -> Iterator[Iterator[str]]:
    """Lines as they come; the processes are gone at the end, whatever happens."""
    share = -(-seeds // PROCESSES)
    cuts = [min(first + n * share, first + seeds) for n in range(PROCESSES + 1)]
    running = [
        subprocess.Popen(
            [sys.executable, "-P", "-m", "sim", str(start), str(end)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for start, end in pairwise(cuts)
    ]
    queue: Queue[str | None] = Queue()
    readers = [
        threading.Thread(target=_read, args=(each.stdout, queue), daemon=True)
        for each in running
    ]
    for reader in readers:
        reader.start()
    try:
        yield _lines(queue, len(running))
        for each in running:
            if each.poll() is not None:
                assert each.returncode == 0, "a process of seeds failed"
    finally:
        for each in running:
            each.kill()
            each.wait()
        for reader in readers:
            reader.join()
        for each in running:
            if each.stdout is not None:
                each.stdout.close()


def _read(pipe: Any, queue: "Queue[str | None]") -> None:
    for line in pipe:
        queue.put(line)
    queue.put(None)


def _lines(queue: "Queue[str | None]", readers: int) -> Iterator[str]:
    while readers:
        line = queue.get()
        if line is None:
            readers -= 1
        else:
            yield line
