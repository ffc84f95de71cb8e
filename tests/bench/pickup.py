"""A ticket added to an idle system: how long until its handler runs, and has run.

Both moments are stamped in the worker, in whole milliseconds, so half a millisecond is
added to each.
"""

import time
from collections.abc import Iterator

from bench.figure import Figure
from bench.stage import noops, running
from kanban_ipc import control

SAMPLES = 100
IDLE_S = 0.02
TRUNCATION_MS = 0.5


def measure() -> Iterator[Figure]:
    """Two figures, both from the same tickets."""
    started, ended = [], []
    with running() as system:
        [ticket] = noops(1)
        for _ in range(SAMPLES + 10):
            time.sleep(IDLE_S)
            began_ms = time.time() * 1000 - TRUNCATION_MS
            wish = control.AddCall(ticket=ticket, ready=True)
            number = system.ask(wish, control.AddReply).id
            system.wait(number)
            run = system.run(number)
            assert run.started_at_ms is not None
            assert run.ended_at_ms is not None
            started.append(run.started_at_ms - began_ms)
            ended.append(run.ended_at_ms - began_ms)
    how = "add by the control socket, connection included; durable; noop; 1 worker"
    yield Figure("pickup: add → handler started", "ms", started[10:], 3, "less", how)
    yield Figure("pickup: add → handler ended", "ms", ended[10:], conditions=how)
