"""The nonce sweep: ends what a run left when no shim is there to end it.

A process is the run's when it was started with exactly ``KANBAN_RUN_ID=<run>`` in its
environment; never by its name, its parent or its directory. Two passes that find
nothing are evidence, not proof: a program may have cleared its environment.
"""

import os
import select
import signal
import time
from contextlib import suppress
from typing import Final

import msgspec

from kanban_ipc.words import RunId
from kanban_worker.shim import NONCE, SHIM_MARK, carriers, send

KILLED_WITHIN_S: Final = 5.0
"""How long SIGKILL may take; only uninterruptible sleep takes longer."""
EMPTY_PASSES: Final = 2


class Swept(msgspec.Struct, frozen=True):
    """What a sweep did."""

    killed: int
    """Processes found, each counted once."""
    survivors: tuple[int, ...]
    """Pids that outlasted SIGKILL."""


def of_run(run_id: RunId) -> dict[int, int]:
    """Living processes of a run's agent: pid to start ticks."""
    return carriers(f"{NONCE}={run_id}")


def of_shim(run_id: RunId) -> dict[int, int]:
    """Find a run's shim without its identity file (while it starts, say)."""
    return carriers(f"{SHIM_MARK}={run_id}")


def sweep(run_id: RunId, grace_s: float) -> Swept:
    """TERM, up to ``grace_s`` of patience, KILL, till two passes find nothing.

    Blocks for ``grace_s`` + 5 s at the worst; milliseconds where nothing is left.
    """
    killed: set[tuple[int, int]] = set()
    found = of_run(run_id)
    _tell(found, killed, signal.SIGTERM, signal.SIGCONT)
    _await_death(found, grace_s)
    deadline, empty = time.monotonic() + KILLED_WITHIN_S, 0
    while empty < EMPTY_PASSES and time.monotonic() < deadline:
        found = of_run(run_id)
        empty = 0 if found else empty + 1
        _tell(found, killed, signal.SIGKILL)
        _await_death(found, deadline - time.monotonic())
    return Swept(len(killed), tuple(sorted(found)))


def _tell(
    found: dict[int, int], told: set[tuple[int, int]], *signals: signal.Signals
) -> None:
    told.update(item for item in found.items() if send(*item, signals))


def _await_death(found: dict[int, int], patience_s: float) -> None:
    """Until all have ended (their pidfds become readable), or patience has."""
    poller, waiting = select.poll(), set[int]()
    for pid in found:
        with suppress(OSError):
            waiting.add(fd := os.pidfd_open(pid))
            poller.register(fd, select.POLLIN)
    deadline = time.monotonic() + patience_s
    while waiting and (left_s := deadline - time.monotonic()) > 0:
        for fd, _ in poller.poll(left_s * 1000):
            poller.unregister(fd)
            waiting.discard(fd)
            os.close(fd)
    for fd in waiting:
        os.close(fd)
