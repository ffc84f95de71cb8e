"""Runs without a worker: the dispatch's bench, with the orphans looked after."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from kanban_ipc.link import Assign
from kanban_ipc.words import WorkerId
from kanband.shell.live import LiveRun
from kanband.shell.orphans import Orphans
from support.dispatch_bench import Bench, Worker, opened, started
from support.hand_clock import by_hand

HERE = WorkerId("worker-1")


class OrphanBench:
    """A bench, and ``Orphans`` at work on it."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.orphans = Orphans(
            dispatch=bench.dispatch,
            prospects=bench.crew,
            profiles=bench.profiles,
            store=bench.store,
            clock=bench.clock,
        )
        self.beat_s = bench.config.lease.heartbeat_s
        self.dead_s = self.beat_s * bench.config.lease.dead_beats
        self.stale_s = bench.profiles.beats.stale_s
        self.task = asyncio.ensure_future(self.orphans.run())

    async def abandoned(self, count: int = 1) -> list[Assign]:
        """Running runs of worker-1, whose process has just ended."""
        worker = self.bench.worker(HERE, slots=count)
        worker.hello()
        await self.bench.add(*[f"Orphan {number}" for number in range(count)])
        worker.say(*[started(run) for run in worker.runs])
        await self.bench.settle()
        self.bench.dispatch.worker_gone(worker.name, worker.incarnation)
        return worker.runs

    def live(self, run: Assign) -> LiveRun:
        live = self.bench.dispatch.live.get(run.run_id, run.epoch)
        assert live is not None
        return live

    async def rounds(self, seconds: float, *attending: Worker) -> None:
        """Time goes on, beat by beat; ``attending`` workers say so."""
        passed = 0.0
        while passed < seconds:
            passed += self.beat_s
            await self.bench.pass_by(self.beat_s)
            for worker in attending:
                worker.beat(*worker.runs)
            self.bench.dispatch.awake()
            await self.bench.settle()

    async def reaped(self) -> None:
        """Every reaper that is at work has ended."""
        while self.orphans._reapers:
            await asyncio.wait(self.orphans._reapers)
        await self.bench.settle()

    async def close(self) -> None:
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task
        await self.reaped()


def with_orphans(
    root: Path, body: Callable[[OrphanBench], Coroutine[Any, Any, None]]
) -> None:
    """Run a body on a bench of its own."""

    async def main() -> None:
        async with opened(root) as bench:
            orphans = OrphanBench(bench)
            try:
                await body(orphans)
            finally:
                await orphans.close()

    by_hand(main)
