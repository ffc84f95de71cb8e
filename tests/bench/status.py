"""``kanbanctl status`` as a whole process, beside the interpreter alone."""

import subprocess
import sys
import time
from collections.abc import Iterator

from bench.figure import Figure
from bench.stage import elapsed_ms, kanbanctl, running
from support.system import System

SAMPLES = 30


def whole_process_ms(system: System, *words: str) -> float:
    """From fork to exit, output thrown away."""
    command = [*kanbanctl(), "--socket", str(system.socket), *words]
    began = time.perf_counter()
    # No timeout: with one, Python 3.11 looks for the end only every 50 ms.
    subprocess.run(
        command,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=system.environment,
    )
    return elapsed_ms(began)


def interpreter_ms() -> float:
    """What any program in this Python costs."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return elapsed_ms(began)


def measure() -> Iterator[Figure]:
    """Alternating."""
    bare, ours = [], []
    with running(workers=3) as system:
        whole_process_ms(system, "status")
        for _ in range(SAMPLES):
            bare.append(interpreter_ms())
            ours.append(whole_process_ms(system, "status"))
    how = "whole process; 3 workers, empty board"
    yield Figure("status: kanbanctl status", "ms", ours, 80, "less", how)
    yield Figure("status: python -c pass", "ms", bare, conditions="the same Python")
