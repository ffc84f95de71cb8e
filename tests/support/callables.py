"""Callables of kind ``python`` for tests."""

import threading
from pathlib import Path

from kanban_ipc.link import Work
from kanban_worker.agents.python import Context, Later


def wait_at(work: Work, context: Context) -> None:
    """Wait at the pipe that the instructions name."""
    context.log("waiting")
    Path(work.instructions).read_text()


def talk(work: Work, context: Context) -> str:
    del work
    context.progress(50, "half", 2)
    context.log("half-way")
    return "all said"


def fail(work: Work, context: Context) -> None:
    del work, context
    raise ValueError("no good")


def later(work: Work, context: Context) -> None:
    del work, context
    raise Later("not now")


def until_cancelled(work: Work, context: Context) -> None:
    """What a polite callable does, with a pause for an event that never comes."""
    del work
    context.log("waiting")
    pause = threading.Event()
    while not context.cancelled:
        pause.wait(0.01)


def odd_words(work: Work, context: Context) -> None:
    """Words that no message can hold as they are."""
    del work
    context.log("a\ud800b")
    raise RuntimeError("\udcff" * 100_000)


def returns_a_set(work: Work, context: Context) -> object:
    del work, context
    return {1, 2, object}
