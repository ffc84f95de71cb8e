"""What the parts of the fleet share, and what they need of the dispatch."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kanban_ipc import layout
from kanban_ipc.control import CurrentRun
from kanban_ipc.words import RunId, UnitScope, WorkerId
from kanband.config import WorkersConfig
from kanband.core import recycling
from kanband.core.backoff import Policy
from kanband.core.staleness import Beats
from kanband.shell.ledger import Ledger
from kanband.shell.live import Spared
from kanband.shell.ports import Clock, Store
from kanband.shell.spawner import SpawnerClient


class Dispatch(Protocol):
    """Who knows the link and the runs."""

    def drain_worker(self, worker_id: WorkerId, deadline_s: float) -> bool:
        """Send ``Drain``; False when the worker has no connection now. 0 means that
        its runs are cancelled at once, class ``shutdown``. It may be sent again, with
        a shorter deadline.
        """

    def live_runs(self, worker_id: WorkerId) -> list[RunId]:
        """The runs that it holds."""

    def worker_gone(self, worker_id: WorkerId, incarnation: str) -> None:
        """The process is no more: forget its session. ``Fleet.returns`` tells whether
        another incarnation is coming that will adopt its runs.
        """

    async def runs_ended(self, worker_id: WorkerId) -> None:
        """The worker's process has gone and is not to come back: return when none of
        its runs is live. Those it left are reaped, and all results are committed.
        """

    def awake(self) -> float:
        """Since when our own loop has turned without a gap; monotonic."""

    @property
    def beats(self) -> Beats:
        """When a worker's silence counts for what."""

    def version(self, worker_id: str) -> str | None:
        """Of a connected worker's program; None: not connected, or it did not say."""

    def spared(self, worker_id: str) -> Spared:
        """How it is spared now."""

    def spare(self, worker_id: WorkerId, how: Spared) -> None:
        """Give it nothing more, or nothing once it is empty; nothing happens to a
        worker without a session.
        """

    def current(self, worker_id: str) -> list[CurrentRun]:
        """For people."""

    def connected(self, worker_id: str) -> bool:
        """It has said hello and was heard of lately."""

    def heard_age_s(self, worker_id: str) -> float | None:
        """Seconds since its last sign of life on the link."""


class InlineSlots(Protocol):
    """The worker in this process, in inline mode."""

    def start(self) -> None:
        """Begin to serve; it joins over the link like every guest."""

    async def stop(self, *, now: bool) -> None:
        """Drain it and wait for its end; called again with ``now``, hurry."""

    async def close(self) -> None:
        """Let go of it: its runs go on."""

    @property
    def problem(self) -> str:
        """What needs attention, and what to do; empty when nothing does."""


@dataclass(slots=True)
class Ground:
    """What every member stands on."""

    settings: WorkersConfig
    store: Store
    clock: Clock
    ledger: Ledger
    spawner: SpawnerClient
    dispatch: Dispatch
    state_dir: Path
    link_endpoint: str
    run_scope: UnitScope
    jitter: Callable[[], float]
    """In [-1, 1]."""
    leaving: bool = False
    """The daemon goes: nothing is started any more."""

    def log_path(self, worker_id: WorkerId) -> Path:
        """Where the worker's processes write."""
        return self.state_dir / layout.LOGS_DIR / f"{worker_id}.log"

    @property
    def recycling(self) -> recycling.Limits:
        """Of age and size."""
        return recycling.Limits(self.settings.max_rss_mb, self.settings.max_age_s)

    @property
    def policy(self) -> Policy:
        """Of restarts."""
        return Policy(
            initial_s=self.settings.backoff_initial_s,
            max_s=self.settings.backoff_max_s,
            healthy_s=self.settings.healthy_s,
            fatal_failures=self.settings.fatal_failures,
            fatal_window_s=self.settings.fatal_window_s,
        )
