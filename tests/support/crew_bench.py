"""A daemon's inside without its control socket: store, link, dispatch and fleet, real.

One ``Daemon`` after another on the same directories, as over restarts of the daemon.
Everything that was started is gone at the end.
"""

import asyncio
import contextlib
import random
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import msgspec

from kanban_ipc import layout
from kanban_ipc.control import WorkerInfo
from kanban_ipc.words import WorkerState
from kanband.config import Config, WorkersConfig
from kanband.config.profiles import BUILT_IN
from kanband.shell.clock import SystemClock
from kanband.shell.dispatch import Dispatch
from kanband.shell.fleet import Fleet
from kanband.shell.link import Link
from kanband.shell.passes import Passes
from kanband.shell.profiles import Profiles
from kanband.shell.reception import Reception
from kanband.shell.spawner_start import COMMAND
from kanband.store.writer import StoreThread
from support import traces
from support.dispatch_doubles import BenchStore

PATIENCE_S = 20.0
PAUSE_S = 0.005


class Daemon:
    """One life of the inside of a daemon."""

    def __init__(self, config: Config, command: Sequence[str]) -> None:
        self.failures: list[BaseException] = []
        self.disk = StoreThread(config.state_dir / "kanban.db")
        self.store = BenchStore(self.disk)
        endpoint = config.runtime_dir / layout.LINK_SOCKET
        self.fleet = Fleet(
            config=config,
            store=self.store,
            clock=SystemClock(),
            link_endpoint=f"ipc://{endpoint}",
            broken=self.failures.append,
            spawner_command=command,
        )
        profiles = Profiles(config)
        self.dispatch = Dispatch(
            store=self.store,
            crew=self.fleet,
            profiles=profiles,
            clock=SystemClock(),
            daemon_start="start",
            rng=random.Random(0),
            broken=self.failures.append,
            passes=Passes(bytes(32), config.runtime_dir / layout.AGENT_SOCKET),
        )
        reception = Reception(
            self.dispatch,
            admission=self.fleet.door,
            profiles=profiles,
            clock=SystemClock(),
        )
        self.link = Link(endpoint, reception)

    async def open(self) -> None:
        self.dispatch.attach(self.link)
        await self.dispatch.recover()
        self.link.open()
        await self.fleet.open(self.dispatch, self.link.listen)

    async def close(self) -> None:
        """As a daemon that hands over: nothing is signalled."""
        self.store.let_go()
        await self.fleet.close()
        self.link.close()
        self.dispatch.close()
        await self.disk.close()
        assert self.failures == []

    def worker(self, worker_id: str = "worker-1") -> WorkerInfo:
        [info] = self.fleet.infos([worker_id])
        return info

    async def until(
        self,
        state: WorkerState,
        worker_id: str = "worker-1",
        other_than: int | None = None,
    ) -> WorkerInfo:
        """Wait until it is in this state (as another process than the one given)."""

        def reached() -> bool:
            info = self.worker(worker_id)
            return info.state == state and (not other_than or info.pid != other_than)

        await eventually(reached, f"{worker_id} {state}")
        return self.worker(worker_id)


class CrewBench:
    """Directories of a test's own, and the daemons that lived on them."""

    def __init__(self, folder: Path, **workers: float) -> None:
        """``workers``: the table of that name in the configuration."""
        self.runtime = Path(tempfile.mkdtemp(prefix="kanband-", dir="/tmp"))
        self.state = folder / "state"
        self.state.mkdir()
        self.command: Sequence[str] = COMMAND
        self.config = Config(
            agents=BUILT_IN,
            default_agent="noop",
            worker_count=1,
            workers=msgspec.convert({**BRISK, **workers}, WorkersConfig),
            state_dir=self.state,
            runtime_dir=self.runtime,
        )

    def use_worker(self, function: str, *options: str) -> None:
        """Fork this one (``module:function``) instead of the real worker."""
        module = "kanban_worker.spawner"
        self.command = (sys.executable, "-m", module, "--worker", function, *options)

    def new_daemon(self, worker_count: int = 1) -> Daemon:
        """A daemon that is not open yet."""
        config = msgspec.structs.replace(self.config, worker_count=worker_count)
        return Daemon(config, self.command)

    @contextlib.asynccontextmanager
    async def daemon(self, worker_count: int = 1) -> AsyncIterator[Daemon]:
        """A daemon, recovered; let go of at the end without touching its workers."""
        daemon = self.new_daemon(worker_count)
        await daemon.open()
        try:
            yield daemon
        finally:
            await daemon.close()

    def log(self, name: str = "worker-1") -> str:
        return (self.state / layout.LOGS_DIR / f"{name}.log").read_text()

    def close(self) -> None:
        traces.end_all((str(self.state), str(self.runtime)))
        shutil.rmtree(self.runtime)


BRISK = {
    "start_timeout_s": 10.0,
    "stop_timeout_s": 5.0,
    "grace_s": 0.5,
    "backoff_initial_s": 0.01,
}
"""Short patience: a test shows in seconds a rule that people live in minutes."""


async def eventually(probe: Callable[[], object], what: str) -> None:
    """For facts that nobody announces to a test."""
    async with asyncio.timeout(PATIENCE_S):
        while not probe():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(PAUSE_S)
    assert probe(), what
