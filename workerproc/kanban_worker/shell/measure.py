"""What trees of processes use: CPU time and memory, from one pass over ``/proc``.

The root itself (a shim) is not counted, all below it is. CPU time of processes that
have ended already counts as far as their parents have waited for them.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import psutil

from kanban_worker.shell.blocking import in_thread


class Use(NamedTuple):
    """Of a tree, at one moment."""

    cpu_ms: int
    rss_bytes: int


async def measure_trees(roots: Iterable[int]) -> dict[int, Use]:
    """For each root's pid, what lives below it now. In a thread: it takes a while."""
    wanted = tuple(roots)
    return await in_thread(lambda: _measure(wanted))


def _measure(roots: tuple[int, ...]) -> dict[int, Use]:
    children: dict[int, list[psutil.Process]] = defaultdict(list)
    for process in psutil.process_iter():
        try:
            children[process.ppid()].append(process)
        except psutil.Error:
            continue
    return {root: _use_below(root, children) for root in roots}


def _use_below(root: int, children: dict[int, list[psutil.Process]]) -> Use:
    cpu_s, rss_bytes = 0.0, 0
    pending = list(children.get(root, ()))
    for process in pending:  # grows as it goes
        pending.extend(children.get(process.pid, ()))
        try:
            times = process.cpu_times()
            cpu_s += sum(times[:4])
            rss_bytes += process.memory_info().rss
        except psutil.Error:
            continue
    return Use(int(cpu_s * 1000), rss_bytes)
