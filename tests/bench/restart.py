"""kill -9 of a worker: how long until its replacement has said hello."""

import time
from collections.abc import Iterator

from bench.figure import Figure
from bench.stage import elapsed_ms, running
from kanban_ipc import control
from support import traces
from support.system import System

SAMPLES = 30
PAUSE_S = 0.3
LOOK_S = 0.001


def once(system: System) -> float:
    """Milliseconds; asked for every millisecond, so at most so much too long."""
    wish = control.StatusCall(workers=["worker-1"])
    [before] = system.ask(wish, control.StatusReply).workers
    assert before.pid is not None
    began = time.perf_counter()
    traces.kill(before.pid)
    while True:
        [now] = system.ask(wish, control.StatusReply).workers
        if now.state == "RUNNING" and now.pid != before.pid:
            return elapsed_ms(began)
        time.sleep(LOOK_S)


def measure() -> Iterator[Figure]:
    """The backoff of a worker that dies again and again is not what is measured."""
    took = []
    with running({"workers.healthy_s": 0.1}) as system:
        for _ in range(SAMPLES):
            time.sleep(PAUSE_S)
            took.append(once(system))
    how = "idle worker; seen in status, asked every millisecond; healthy_s 0.1"
    yield Figure("restart: kill -9 → replacement's hello", "ms", took, 40, "less", how)
