"""Whether a process that a new daemon finds is the worker it remembers.

Decided here: adopt it, call it dead, or doubt it. What is adopted was proven by more
than a pid: the spawner says that its child of this very incarnation lives, or the
worker's own lock file is held by the process it names, with the incarnation that the
store remembers. What can be neither proven nor excluded is doubted: killing it might
kill a stranger, starting another might run the work twice. Absent: looking (the caller
has).
"""

from typing import Literal

import msgspec

from kanban_ipc.link import ProcessId


class LockReading(msgspec.Struct, frozen=True):
    """What ``workers/<id>.lock`` says."""

    held: bool = False
    incarnation: str = ""
    process: ProcessId | None = None
    """None: there is no file, or no identity in it."""
    lives: bool = False
    """The process it names exists, start time and boot included."""


class Remembered(msgspec.Struct, frozen=True):
    """What the store says."""

    incarnation: str = ""
    process: ProcessId | None = None
    """None: its spawn was intended, the answer was never recorded."""
    lives: bool = False


class Child(msgspec.Struct, frozen=True):
    """What the spawner says: a living child of its, under this worker's id."""

    incarnation: str
    process: ProcessId


class Verdict(msgspec.Struct, frozen=True):
    """``found`` and ``doubted`` are events of ``workers``."""

    event: Literal["found", "doubted", "dead"]
    process: ProcessId | None = None
    """Which one; in doubt: the one to watch, if any is known."""
    reason: str = ""
    """Why it is doubted, for people."""


def judge(memory: Remembered, child: Child | None, lock: LockReading) -> Verdict:
    """Decide about one worker. The first row that fits decides."""
    if child is not None:
        return _by_spawner(memory, child)
    if lock.held:
        return _by_lock(memory, lock)
    if memory.process is not None and memory.lives:
        return Verdict(
            "doubted",
            memory.process,
            f"process {memory.process.pid} is the one remembered, but it does not "
            "hold its lock file",
        )
    return Verdict("dead")


def _by_spawner(memory: Remembered, child: Child) -> Verdict:
    if child.incarnation == memory.incarnation:
        return Verdict("found", child.process)
    return Verdict(
        "doubted",
        child.process,
        f"process {child.process.pid} is a start of this worker that the store does "
        "not know (was the database restored from a copy?)",
    )


def _by_lock(memory: Remembered, lock: LockReading) -> Verdict:
    if lock.process is None or not lock.lives:
        return Verdict(
            "doubted",
            None,
            "its lock file is held, but not by the process that the file names",
        )
    same = memory.process is None or memory.process == lock.process
    if same and lock.incarnation == memory.incarnation != "":
        return Verdict("found", lock.process)
    return Verdict(
        "doubted",
        lock.process,
        f"its lock file is held by process {lock.process.pid}, which is not the "
        "start that the store remembers",
    )
