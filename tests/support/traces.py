"""Which processes of the machine belong to one system under test.

A process belongs when its command line, environment or working directory names one
of the system's own folders, or when its environment carries the test's token. So
daemon, spawner, workers, shims and agents are all found, by whatever pid, also when
the system itself has lost sight of them. Zombies do not count: they have neither.
"""

import os
import select
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")


class Trace(NamedTuple):
    """A living process of the system."""

    pid: int
    command: str


def living(needles: Iterable[str]) -> list[Trace]:
    """Processes other than this one that carry one of the strings."""
    wanted = [needle.encode() for needle in needles]
    found = []
    for entry in PROC.iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with suppress(OSError):
            command = (entry / "cmdline").read_bytes()
            text = command + b"\0" + _environ(entry) + b"\0" + _cwd(entry)
            if any(needle in text for needle in wanted):
                words = command.replace(b"\0", b" ").decode(errors="replace")
                found.append(Trace(int(entry.name), words.strip()))
    return found


def _environ(entry: Path) -> bytes:
    # Another user's process, or one that is just ending.
    with suppress(OSError):
        return (entry / "environ").read_bytes()
    return b""


def _cwd(entry: Path) -> bytes:
    with suppress(OSError):
        return os.fsencode((entry / "cwd").readlink())
    return b""


def alive(pid: int) -> bool:
    """Whether the process exists and is not a zombie."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def parent(pid: int) -> int:
    """Its parent's pid; 0 when it is gone."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])


def await_end(pid: int, timeout_s: float = 10.0) -> bool:
    """Wait on a pidfd until the process has ended; False when it did not in time."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(timeout_s * 1000)) or not alive(pid)
    finally:
        os.close(descriptor)


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> bool:
    """Send a signal; False when there was nobody to take it."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def end_all(needles: Iterable[str], timeout_s: float = 10.0) -> list[Trace]:
    """SIGKILL, by pid, until nothing is left; return what there was."""
    needles = list(needles)
    deadline = time.monotonic() + timeout_s
    ended: dict[int, Trace] = {}
    while traces := living(needles):
        for trace in traces:
            ended[trace.pid] = trace
            kill(trace.pid)
        for trace in traces:
            await_end(trace.pid, timeout_s=1)
        assert time.monotonic() < deadline, f"these do not die: {traces}"
    return list(ended.values())
