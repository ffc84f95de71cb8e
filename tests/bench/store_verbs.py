"""How fast the store's verbs are: durable, through the writer's thread.

Each phase says its rate, and the last line is JSON. ``claim``, ``start`` and
``settle`` are measured together as one flow: a client keeps some groups of tickets
on their way, as the daemon does, and every reply waits for its fsync.

    python tests/bench/store_verbs.py [--tickets 20000] [--batch 32] [--backlog 0]
        [--busy 0]
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, TypeVar

from kanban_ipc.control import ListCall, NewTicket
from kanban_ipc.link import Result
from kanban_ipc.words import RunId, WorkerId
from kanband.core.ids import RunIds
from kanband.store.values import (
    AgentGate,
    Claim,
    ClaimPolicy,
    RetryPolicy,
    RunEnd,
    RunStart,
    Want,
)
from kanband.store.verbs import Verbs
from kanband.store.writer import StoreThread

T = TypeVar("T")
POLICY = ClaimPolicy(
    default_agent="noop",
    agents={"noop": AgentGate(), "place": AgentGate(in_place=True)},
)
PAGE = 2_000
STREAMS = 4
DONE = Result(
    outcome="finished", exit_code=0, agent_started_ms=1_000_001, duration_ms=1
)


class Flow:
    """Claims, starts and settles batches until nothing is claimable."""

    def __init__(self, store: StoreThread, batch: int) -> None:
        self.store = store
        self.batch = batch
        self.ids = RunIds()
        self.done = 0
        self.waits_s: list[float] = []

    async def stream(self, worker_id: WorkerId) -> None:
        want = Want(worker_id=worker_id, count=self.batch)
        while True:
            ids = [self._id() for _ in range(self.batch)]
            claims = await self._timed(
                self.store.do(
                    lambda verbs, ids=ids: verbs.claim(  # type: ignore[misc]
                        [want], POLICY, run_ids=ids, now_ms=1_000_000
                    )
                )
            )
            if not claims:
                return
            await self._timed(self.store.do(lambda v, c=claims: start(v, c)))  # type: ignore[misc]
            await self._timed(self.store.do(lambda v, c=claims: settle(v, c)))  # type: ignore[misc]
            self.done += len(claims)

    def _id(self) -> RunId:
        return self.ids.next(1_000_000, os.urandom(8))

    async def _timed(self, call: Awaitable[T]) -> T:
        began = time.perf_counter()
        value = await call
        self.waits_s.append(time.perf_counter() - began)
        return value


def start(verbs: Verbs, claims: list[Claim]) -> list[bool]:
    return verbs.start(
        [
            RunStart(run_id=one.run_id, epoch=one.epoch, seq=1, started_ms=1_000_001)
            for one in claims
        ],
        now_ms=1_000_001,
    )


def settle(verbs: Verbs, claims: list[Claim]) -> Any:
    return verbs.settle(
        [
            RunEnd(
                run_id=one.run_id,
                epoch=one.epoch,
                seq=2,
                ended_ms=1_000_002,
                result=DONE,
                on_success="complete",
            )
            for one in claims
        ],
        RetryPolicy(),
        now_ms=1_000_002,
    )


async def add(store: StoreThread, count: int, **fields: Any) -> float:
    began = time.perf_counter()
    for first in range(0, count, PAGE):
        page = [
            NewTicket(title=f"Ticket {first + n}", **fields)
            for n in range(min(PAGE, count - first))
        ]
        await store.do(lambda v, p=page: v.add(p, ready=True, now_ms=1_000_000))  # type: ignore[misc]
    return time.perf_counter() - began


async def flow(store: StoreThread, batch: int, streams: int) -> tuple[Flow, float]:
    running = Flow(store, batch)
    began = time.perf_counter()
    await asyncio.gather(
        *(running.stream(WorkerId(f"worker-{n}")) for n in range(1, streams + 1))
    )
    return running, time.perf_counter() - began


async def timed_read(store: StoreThread, call: Any) -> float:
    took = []
    for _ in range(7):
        began = time.perf_counter()
        await store.read(call)
        took.append(time.perf_counter() - began)
    return 1000 * statistics.median(took)


async def measure(directory: Path, options: argparse.Namespace) -> dict[str, Any]:
    store = StoreThread(directory / "kanban.db")
    figures: dict[str, Any] = {"schema": 1, **vars(options), "directory": None}
    if options.backlog:
        await add(store, options.backlog)
        await flow(store, 512, 1)
    if options.busy:
        await add(store, options.busy, repo_path="/busy", agent="place")
        claim = [Want(worker_id=WorkerId("holder"), count=2)]
        ids = [RunIds().next(1, os.urandom(8)) for _ in range(2)]
        began = time.perf_counter()
        await store.do(lambda v: v.claim(claim, POLICY, run_ids=ids, now_ms=1_000_000))
        figures["park_ms"] = 1000 * (time.perf_counter() - began)
    figures["add_10k_s"] = await add(store, 10_000)
    await add(store, max(0, options.tickets - 10_000))
    for name, call in (
        ("list_100_ms", lambda r: r.tickets(ListCall())),
        ("list_1000_ms", lambda r: r.tickets(ListCall(limit=1000))),
        (
            "list_by_priority_ms",
            lambda r: r.tickets(ListCall(sort="priority", states=["ready"])),
        ),
        ("queue_ms", lambda r: r.queue()),
    ):
        figures[name] = await timed_read(store, call)
    done, took_s = await flow(store, options.batch, options.streams)
    waits = sorted(done.waits_s)
    figures |= {
        "done": done.done,
        "tickets_per_s": done.done / took_s,
        "reply_ms_p50": 1000 * statistics.median(waits),
        "reply_ms_p99": 1000 * waits[len(waits) * 99 // 100],
        "reply_ms_max": 1000 * waits[-1],
        "wal_mib": _size(directory / "kanban.db-wal"),
        "db_mib": _size(directory / "kanban.db"),
    }
    await store.close()
    return figures


def _size(path: Path) -> float:
    return path.stat().st_size / (1 << 20) if path.exists() else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--streams", type=int, default=STREAMS)
    parser.add_argument("--backlog", type=int, default=0, help="completed before")
    parser.add_argument("--busy", type=int, default=0, help="parked for one repository")
    parser.add_argument("--directory", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        figures = asyncio.run(measure(Path(directory), options))
    for name, value in figures.items():
        shown = f"{value:12.2f}" if isinstance(value, float) else f"{value!s:>12}"
        print(f"{name:22}{shown}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
