"""A system to measure, in a folder of its own that goes away with it."""

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kanban_ipc import control
from support.deadline import eventually
from support.settings import Setting, toml
from support.system import System


@contextmanager
def running(
    settings: Mapping[str, Setting] | None = None, *, workers: int = 1, slots: int = 2
) -> Iterator[System]:
    """A kanband with the defaults that people have, all workers up, idle."""
    folder = Path(tempfile.mkdtemp(prefix="kanband-bench-"))
    size = {"worker_count": workers, "slots": slots}
    system = System(folder / "system", toml({**size, **(settings or {})}))
    try:
        system.start()
        for number in range(1, workers + 1):
            system.worker_running(f"worker-{number}")
        yield system
    finally:
        system.close()
        shutil.rmtree(folder)


def noops(count: int) -> list[control.NewTicket]:
    """Tickets that cost nothing but themselves."""
    return [control.NewTicket(title=f"Nothing {n}", agent="noop") for n in range(count)]


def kanbanctl() -> list[str]:
    """The installed program, as people start it; else the module."""
    program = Path(sys.executable).with_name("kanbanctl")
    return [str(program)] if program.exists() else [sys.executable, "-m", "kanbanctl"]


def drained(system: System) -> bool:
    """Nothing is ready and nothing runs."""
    reply = system.ask(control.QueueStatusCall(), control.QueueReply)
    return not (reply.queue.ready or reply.queue.in_progress)


def await_drained(system: System, timeout_s: float) -> None:
    """Asks again and again; for the tail of a measurement only."""
    eventually(lambda: drained(system), "the queue is empty", timeout_s)


def elapsed_ms(began: float) -> float:
    """Since a reading of ``time.perf_counter``."""
    return (time.perf_counter() - began) * 1000
