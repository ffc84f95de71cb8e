"""Who a process is, and whether a lock file is held by the process it names.

A pid alone is no identity, since pids are reused; with the time of its start and the
boot it names one process for ever. Absent: what to do about it (``core.adoption``).
"""

import fcntl
import json
import os
import time
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from kanban_ipc.link import ProcessId
from kanband.core.adoption import LockReading

_START_TICKS: Final = 19
"""Field 22 of proc_pid_stat(5), counted from the state, which follows the name."""
_LOCK_BYTES_MAX: Final = 4096


class _LockText(msgspec.Struct, frozen=True):
    boot_id: str
    pid: int
    start_ticks: int
    incarnation: str = ""


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


def lives(process: ProcessId) -> bool:
    """Whether it is this very process that has its pid now (a zombie has, too)."""
    return process_id(process.pid) == process


def uptime_s(process: ProcessId) -> float:
    """Seconds since its start, suspended time included."""
    since = process.start_ticks / os.sysconf("SC_CLK_TCK")
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - since)


def rss_bytes(process: ProcessId) -> int:
    """Resident memory; 0 when it is gone. One small file, so cheap enough to ask often:
    psutil takes ten times as long.
    """
    try:
        pages = Path(f"/proc/{process.pid}/statm").read_text().split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def read_lock(path: Path) -> LockReading:
    """What a worker's (or the spawner's) lock file says, and whether that holds.

    Trying the lock could disturb a worker that is about to take it, so it is tried
    shared, for a moment, and not before the text has been read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        # Nobody holds what is not there, or what no worker can open either.
        return LockReading()
    try:
        text = os.pread(descriptor, _LOCK_BYTES_MAX, 0)
        held = _is_held(descriptor)
    except IsADirectoryError:
        return LockReading()
    finally:
        os.close(descriptor)
    try:
        named = msgspec.convert(json.loads(text), _LockText)
    except ValueError:
        return LockReading(held=held)
    process = ProcessId(named.boot_id, named.pid, named.start_ticks)
    return LockReading(
        held=held,
        incarnation=named.incarnation,
        process=process,
        lives=lives(process),
    )


def _is_held(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
