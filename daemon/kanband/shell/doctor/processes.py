"""Processes that carry the mark of a run, found by what they were started with.

As the worker's sweep: by exactly ``KANBAN_RUN_ID=<run>`` in the environment, never by
name, parent or directory. A program that has cleared its environment is not found.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from kanban_ipc.layout import RUN_MARK
from kanban_ipc.words import RunId
from kanband.shell.identity import start_ticks

_MARK: Final = f"{RUN_MARK}=".encode()


class Carrier(NamedTuple):
    """A process of a run's agent."""

    run_id: RunId
    pid: int
    started: int
    """Clock ticks since boot: with the pid its identity."""


def carriers() -> list[Carrier]:
    """Every one on this machine whose environment we may read."""
    return list(_carriers())


def still_there(carrier: Carrier) -> bool:
    """Whether it is the same process, and no zombie (that has no environment)."""
    same = start_ticks(carrier.pid) == carrier.started
    return same and _run_of(carrier.pid) == carrier.run_id


def _carriers() -> Iterator[Carrier]:
    for name in os.listdir("/proc"):  # noqa: PTH208 - names are enough
        if name.isdecimal() and int(name) != os.getpid():
            started, run_id = start_ticks(int(name)), _run_of(int(name))
            if run_id is not None and started is not None:
                yield Carrier(run_id, int(name), started)


def _run_of(pid: int) -> RunId | None:
    try:
        environ = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None  # It has gone, or is somebody else's.
    for entry in environ.split(b"\0"):
        if entry.startswith(_MARK):
            return RunId(entry.removeprefix(_MARK).decode("ascii", "replace"))
    return None
