"""What the spawner does once so that no worker needs to: load, run, freeze.

Absent: anything that keeps a thread, a descriptor or a ZeroMQ context.
"""

import asyncio
import gc
import importlib
from typing import Any, Final

from kanban_worker.shell.forked import Worker

_MODULES: Final = ("kanban_ipc.frames", "zmq", "encodings.idna")
"""What a worker loads sooner or later, beside what its module imports."""
_ANSWERS: Final = ("kanban_worker.shell.programs:account",)
"""Functions that remember what they found, the same for every worker."""
_RUNS: Final = 16
"""Python 3.11 specialises a function at its eighth call."""


def warmed(name: str) -> Worker:
    """The worker's main function, ``module:function``, with all that it needs loaded
    and put where no collection touches it. Raises ImportError, AttributeError."""
    for needed in _MODULES:
        importlib.import_module(needed)
    worker: Worker = _named(name)
    for answer in _ANSWERS:
        _named(answer)()
    _run_loops()
    # No collection here, ever: it would write to pages that the children share. The
    # spawner's own loop makes no cycles.
    gc.disable()
    gc.collect()
    gc.freeze()
    return worker


def _named(name: str) -> Any:
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


def _run_loops() -> None:
    """Let the interpreter specialise what every worker executes first: it writes into
    the code itself (PEP 659), so each worker would copy those pages. Measured: 0.25 to
    0.45 MiB less for each. Loop and descriptors are gone afterwards."""
    for _ in range(_RUNS):
        asyncio.run(asyncio.sleep(0.0001))
