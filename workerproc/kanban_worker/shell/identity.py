"""Who a process is: boot, pid and start time together.

A pid alone is no identity, since pids are reused; with the time of its start and the
boot it names one process for ever. Absent: watching and signalling.
"""

from functools import cache
from pathlib import Path
from typing import Final

from kanban_ipc.link import ProcessId

_START_TICKS: Final = 19
"""Field 22 of proc_pid_stat(5), counted from the state, which follows the name."""


@cache
def boot_id() -> str:
    """This boot of the kernel."""
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()


def start_ticks(pid: int) -> int | None:
    """When it started, in clock ticks since boot; None: there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name may hold anything, also spaces and brackets: count from its end.
    return int(text.rpartition(b")")[2].split()[_START_TICKS])


def process_id(pid: int) -> ProcessId | None:
    """The identity of the process that has this pid now."""
    ticks = start_ticks(pid)
    if ticks is None:
        return None
    return ProcessId(boot_id=boot_id(), pid=pid, start_ticks=ticks)
