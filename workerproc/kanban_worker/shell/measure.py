"""What trees of processes use: CPU time and memory, from one pass over ``/proc``.

The root itself (a shim) is not counted, all below it is. CPU time of processes that
have ended already counts as far as their parents have waited for them.
"""

import os
from collections import defaultdict
from collections.abc import Iterable
from typing import Final, NamedTuple

import psutil

from kanban_worker.shell.blocking import in_thread

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


class Use(NamedTuple):
    """Of a process or of a tree, at one moment."""

    cpu_ms: int
    rss_bytes: int


def measure_self() -> Use:
    """This process alone.

    Not by psutil: to make its object and to ask it once wrote to 0.3 MiB that an idle
    worker shares with the spawner otherwise.
    """
    times = os.times()
    statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
    try:
        # The second field is what is resident: proc_pid_statm(5).
        pages = int(os.read(statm, 256).split()[1])
    finally:
        os.close(statm)
    return Use(int((times.user + times.system) * 1000), pages * _PAGE_BYTES)


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
