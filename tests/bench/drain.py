"""Twenty thousand tickets that do nothing, beside a daemon that does nothing else."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figure import Figure
from bench.stage import await_drained, noops, running
from kanban_ipc import bounds, control

TICKETS = 20_000
WORKERS = 2
SLOTS = 16
ROUNDS = 3
PATIENCE_S = 300.0
SHARE_AIM = 0.4


def ours_per_s() -> float:
    """From the queue's release to the last ticket's end."""
    with running(workers=WORKERS, slots=SLOTS) as system:
        system.ask(control.QueuePauseCall(), control.QueueReply)
        ids: list[int] = []
        for first in range(0, TICKETS, bounds.IMPORT_TICKETS_MAX):
            page = noops(min(bounds.IMPORT_TICKETS_MAX, TICKETS - first))
            wish = control.ImportCall(tickets=page, ready=True)
            ids += system.ask(wish, control.ImportReply, PATIENCE_S).ids
        began = time.perf_counter()
        system.ask(control.QueueResumeCall(), control.QueueReply)
        system.wait(ids[-1], timeout_s=PATIENCE_S)
        await_drained(system, PATIENCE_S)
        took_s = time.perf_counter() - began
        queue = system.ask(control.QueueStatusCall(), control.QueueReply).queue
        assert queue.done == TICKETS, queue
    return TICKETS / took_s


def floor_per_s() -> float:
    """The bare daemon's, of the same size."""
    script = Path(__file__).with_name("floor.py")
    size = [str(number) for number in (TICKETS, WORKERS, SLOTS)]
    done = subprocess.run(
        [sys.executable, str(script), *size],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    return float(json.loads(done.stdout)["per_s"])


def measure() -> Iterator[Figure]:
    """Alternating, so that both see the same machine."""
    floor, ours = [], []
    for _ in range(ROUNDS):
        floor.append(floor_per_s())
        ours.append(ours_per_s())
    share = [mine / bare for mine, bare in zip(ours, floor, strict=True)]
    size = f"{TICKETS} noop tickets, {WORKERS} workers of {SLOTS} slots; durable"
    yield Figure("drain: kanband", "/s", ours, None, "more", size)
    yield Figure("drain: floor", "/s", floor, None, "more", f"{size}; see floor.py")
    yield Figure("drain: share of the floor", "", share, SHARE_AIM, "more", "per round")
