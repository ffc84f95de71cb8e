"""A daemon without processes: the real store and feed, and doubles for the rest.

For what the control socket and its methods do with their answers. What workers and
runs really do is shown with the real daemon, in ``tests/e2e``.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Literal
from unittest.mock import patch

import msgspec

from kanban_ipc.control import CurrentRun, ReloadReply, StopProof, WorkerInfo
from kanban_ipc.layout import AGENT_SOCKET
from kanban_ipc.link import Result
from kanban_ipc.words import DoubtWord, Epoch, FailureClass, RunId, WorkerId
from kanband.config import Config, Flags, load, prepare_places
from kanband.shell.clock import SystemClock
from kanband.shell.feed import Feed
from kanband.shell.passes import Passes
from kanband.shell.ports import LiveWork
from kanband.shell.profiles import Profiles
from kanband.shell.reloading import Reloading
from kanband.store.values import (
    Claim,
    ClaimPolicy,
    RetryPolicy,
    RunEnd,
    RunMark,
    RunStart,
    Want,
)
from kanband.store.verbs import Verbs
from kanband.store.writer import StoreThread


def worker(worker_id: str = "worker-1", **changes: object) -> WorkerInfo:
    """A connected worker of two slots."""
    info = WorkerInfo(
        worker_id=worker_id,
        pid=1,
        host="here",
        state="RUNNING",
        activity="idle",
        wanted="run",
        connected=True,
        slots=2,
        uptime_s=1.0,
        restart_count=0,
        tickets_processed=0,
        current=[],
        last_heartbeat_age_s=0.1,
        next_start_in_s=None,
        last_exit=None,
        rss_bytes=None,
        cpu_percent=None,
        agents=[],
        repo=None,
    )
    return msgspec.structs.replace(info, **changes)


class FleetDouble:
    """Workers that are what a test says."""

    spawner_pid: int | None = None

    def __init__(self) -> None:
        self.workers: list[WorkerInfo] = []
        self.troubles: list[str] = []
        self.asked: list[tuple[object, ...]] = []
        self.stopping = asyncio.Event()
        """A ``stop`` that waits ends when this is set."""

    def infos(self, worker_ids: Sequence[str] = ()) -> list[WorkerInfo]:
        return [
            each
            for each in self.workers
            if not worker_ids or each.worker_id in worker_ids
        ]

    async def start(
        self,
        worker_id: str | None,
        *,
        count: int,
        slots: int | None,
        agents: Sequence[str],
        repo: str | None,
        labels: Sequence[str] = (),
        wait: bool,
    ) -> list[WorkerInfo]:
        self.asked.append(
            ("start", worker_id, count, slots, list(agents), repo, *labels, wait)
        )
        return self.workers

    async def stop(
        self, worker_ids: Sequence[str], *, now: bool, wait: bool
    ) -> list[StopProof]:
        self.asked.append(("stop", list(worker_ids), now, wait))
        if wait:
            await self.stopping.wait()
        return []

    async def restart(
        self, worker_ids: Sequence[str], *, now: bool, wait: bool
    ) -> tuple[list[WorkerInfo], list[StopProof]]:
        self.asked.append(("restart", list(worker_ids), now, wait))
        return self.workers, []

    async def scale(
        self, count: int, *, now: bool, wait: bool
    ) -> tuple[list[WorkerInfo], list[StopProof]]:
        self.asked.append(("scale", count, now, wait))
        return self.workers, []

    async def reset_failed(
        self, worker_ids: Sequence[str], doubt: DoubtWord = "look"
    ) -> list[WorkerInfo]:
        self.asked.append(("reset_failed", list(worker_ids), doubt))
        return self.workers

    async def reconfigure(self, config: Config) -> list[str]:
        self.asked.append(("reconfigure", config))
        return []

    def known(self, worker_id: str) -> bool:
        return any(each.worker_id == worker_id for each in self.workers)

    def problems(self) -> list[str]:
        return self.troubles


class RunsDouble:
    """Runs that end when they are cancelled, with the proof ``subreaper``."""

    def __init__(self, daemon: "DaemonDouble") -> None:
        self._daemon = daemon
        self.woken = 0
        self.versions: dict[str, str] = {}
        self.due: list[int | None] = []
        self.cancelled: list[RunId] = []
        self.marks: list[RunMark] = []
        self.live: dict[tuple[RunId, Epoch], LiveWork] = {}
        self.now: dict[str, list[CurrentRun]] = {}

    def current(self, worker_id: str) -> list[CurrentRun]:
        return self.now.get(worker_id, [])

    def progress(self, run_id: str) -> RunMark | None:
        mark = RunMark(run_id=RunId(run_id), epoch=Epoch(1), percent=40)
        return msgspec.structs.replace(mark, step="thinking")

    def mark(self, mark: RunMark) -> bool:
        self.marks.append(mark)
        return self.work(mark.run_id, mark.epoch) is not None

    def work(self, run_id: RunId, epoch: Epoch) -> LiveWork | None:
        return self.live.get((run_id, epoch))

    def wake(self) -> None:
        self.woken += 1

    def due_at(self, due_ms: int | None) -> None:
        self.due.append(due_ms)

    async def cancel(self, run_id: RunId, epoch: Epoch, failure: FailureClass) -> None:
        self.cancelled.append(run_id)
        result = Result(outcome="aborted", failure=failure, proof="subreaper")
        await self._daemon.settle(run_id, epoch, result)

    def version(self, worker_id: str) -> str | None:
        return self.versions.get(worker_id)

    def connected(self, worker_id: str) -> bool:
        return self._daemon.fleet.known(worker_id)

    def problems(self) -> list[str]:
        return []


class LifeDouble:
    """A daemon that runs."""

    def __init__(self) -> None:
        self.state: Literal["starting", "running", "draining", "stopping"] = "running"
        self.started_ms = 1_000
        self.uptime_s = 1.0
        self.left: list[tuple[bool, bool]] = []

    async def drain(self) -> None:
        self.state = "draining"

    def shutdown(self, *, now: bool, keep_workers: bool) -> None:
        self.left.append((now, keep_workers))

    def replace(self) -> bool:
        self.left.append((False, True))
        return len(self.left) == 1


class DaemonDouble:
    """Implements ``ports.Daemon``."""

    def __init__(self, read_config: Callable[[], Config]) -> None:
        config = read_config()
        self.profiles = Profiles(config)
        prepare_places(config)
        self.clock = SystemClock()
        self.feed = Feed()
        self.fleet = FleetDouble()
        self.runs = RunsDouble(self)
        self.life = LifeDouble()
        self.passes = Passes(bytes(32), config.runtime_dir / AGENT_SOCKET)
        self.store = StoreThread(config.db_file, on_journal=self.feed.notify)
        self._reloading = Reloading(
            read=read_config,
            profiles=self.profiles,
            fleet=self.fleet,
            runs=self.runs,
            store=self.store,
            clock=self.clock,
        )
        self._claimed = 0
        self._closed = False

    async def close(self) -> None:
        """Close the store; again does nothing."""
        if not self._closed:
            self._closed = True
            await self.store.close()

    @property
    def config(self) -> Config:
        return self.profiles.config

    @property
    def claim_policy(self) -> ClaimPolicy:
        return self.profiles.claim_policy

    def problems(self) -> list[str]:
        parts = (self.store, self.fleet, self.runs)
        return [word for part in parts for word in part.problems()]

    async def reload(self) -> ReloadReply:
        return await self._reloading.reload()

    async def claim(self, worker_id: str = "worker-1", *, start: bool = True) -> Claim:
        """The next ticket in a worker's hands."""
        self._claimed += 1
        run_id = RunId(f"01890000-0000-7000-8000-{self._claimed:012d}")
        want = Want(worker_id=WorkerId(worker_id), count=1)
        now_ms = self.clock.now_ms()
        (claim,) = await self.store.do(
            lambda verbs: verbs.claim(
                [want], self.claim_policy, run_ids=[run_id], now_ms=now_ms
            )
        )
        if start:
            begun = RunStart(
                run_id=claim.run_id, epoch=claim.epoch, seq=1, started_ms=now_ms
            )
            await self.store.do(lambda verbs: verbs.start([begun], now_ms=now_ms))
        return claim

    async def settle(
        self, run_id: RunId, epoch: Epoch, result: Result, *, provider: str = ""
    ) -> None:
        """The run is over."""
        now_ms = self.clock.now_ms()
        end = RunEnd(
            run_id=run_id,
            epoch=epoch,
            seq=2,
            ended_ms=now_ms,
            result=result,
            provider=provider,
        )
        await self.store.do(
            lambda verbs: verbs.settle([end], RetryPolicy(), now_ms=now_ms)
        )

    @contextmanager
    def ends_meanwhile(self, claim: Claim, result: Result) -> Iterator[None]:
        """The run ends between what a method reads and its first write."""
        do = self.store.do

        async def after_it(call: Callable[[Verbs], object]) -> object:
            await self.settle(claim.run_id, claim.epoch, result)
            return await do(call)

        def late(call: Callable[[Verbs], object]) -> "asyncio.Future[object]":
            meanwhile.stop()
            return asyncio.ensure_future(after_it(call))

        meanwhile = patch.object(self.store, "do", late)
        meanwhile.start()
        try:
            yield
        finally:
            meanwhile.stop()


@asynccontextmanager
async def daemon_double(root: Path, toml: str = "") -> AsyncIterator[DaemonDouble]:
    """A daemon in an empty folder; closed at the end."""
    (root / "kanban.toml").write_text(toml)
    flags = Flags(config=str(root / "kanban.toml"), state_dir=str(root / "state"))
    daemon = DaemonDouble(lambda: load(flags, {}))
    try:
        yield daemon
    finally:
        await daemon.close()
