"""A worker under a scripted daemon, in a state directory of its own; leaves nothing."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kanban_worker.shell.reaping import reap
from support.link_daemon import LinkDaemon
from support.worker_process import WorkerProcess, settings


class WorkerBench:
    """``daemon`` and the incarnations of one worker."""

    def __init__(self, folder: Path) -> None:
        self.state_dir = folder / "state"
        self.state_dir.mkdir()
        self.home = folder / "home"
        self.home.mkdir()
        self.daemon = LinkDaemon(folder / "link.sock")
        self.workers: list[WorkerProcess] = []

    def start(self, slots: int = 4, **env: str) -> WorkerProcess:
        """The next incarnation."""
        incarnation = f"incarnation-{len(self.workers) + 1}"
        own = settings(self.state_dir, self.daemon.endpoint, incarnation, slots)
        home = {"HOME": str(self.home), "GIT_CONFIG_NOSYSTEM": "1"}
        worker = WorkerProcess(own, {**home, **env})
        self.workers.append(worker)
        return worker

    def close(self) -> None:
        for worker in self.workers:
            if worker.alive:
                worker.kill()
        for run_dir in (self.state_dir / "runs").glob("*"):
            asyncio.run(reap(run_dir, 0.2))
        self.daemon.close()


@contextmanager
def worker_bench(folder: Path) -> Iterator[WorkerBench]:
    """Everything that it started is gone at the end."""
    bench = WorkerBench(folder)
    try:
        yield bench
    finally:
        bench.close()
