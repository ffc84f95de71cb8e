"""What the parts of the daemon's shell ask of each other.

The control methods are written against these, not against the parts themselves, so
that each part can be read alone. ``daemon.py`` puts the parts together.
"""

from asyncio import Future
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Literal, NamedTuple, Protocol, TypeVar

from kanban_ipc.control import (
    CurrentRun,
    ReloadReply,
    StopProof,
    WorkerInfo,
)
from kanban_ipc.link import Work
from kanban_ipc.words import DoubtWord, Epoch, FailureClass, RunId
from kanband.config import Config
from kanband.core.tokens import Holder
from kanband.store.questions import Reads
from kanband.store.values import ClaimPolicy, RunMark
from kanband.store.verbs import Verbs

T = TypeVar("T")


class Store(Protocol):
    """One writer with group commit, and read-only connections beside it."""

    def do(self, call: Callable[[Verbs], T]) -> Future[T]:
        """Run a verb; done when durable. Raises ``StoreFailed``, ``StoreBusy``."""

    def read(self, call: Callable[[Reads], T]) -> Future[T]:
        """Ask; sees everything that was committed before the call."""


class Clock(Protocol):
    """The two clocks: decisions use the first, people the second."""

    def monotonic(self) -> float:
        """Seconds; CLOCK_MONOTONIC."""

    def now_ms(self) -> int:
        """Wall time, integer milliseconds UTC."""


class Fleet(Protocol):
    """The workers' processes: wanted state, automaton, spawning, proof of the end."""

    def infos(self, worker_ids: Sequence[str] = ()) -> list[WorkerInfo]:
        """One for each known worker (or those named), by id in natural order."""

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
        """Want workers running; with ``wait`` return once they are, or FATAL."""

    async def stop(
        self, worker_ids: Sequence[str], *, now: bool, wait: bool
    ) -> list[StopProof]:
        """Want workers stopped; with ``wait`` return once they are, with proof."""

    async def restart(
        self, worker_ids: Sequence[str], *, now: bool, wait: bool
    ) -> tuple[list[WorkerInfo], list[StopProof]]: ...

    async def scale(
        self, count: int, *, now: bool, wait: bool
    ) -> tuple[list[WorkerInfo], list[StopProof]]: ...

    async def reset_failed(
        self, worker_ids: Sequence[str], doubt: DoubtWord = "look"
    ) -> list[WorkerInfo]:
        """Start FATAL workers anew, and resolve the doubt of those in UNKNOWN; others
        are left alone. None named: every FATAL one.
        """

    async def reconfigure(self, config: Config) -> list[str]:
        """Go by another configuration; what the user should know of it. What the store
        refuses is raised, and then nothing has changed.
        """

    def known(self, worker_id: str) -> bool: ...

    @property
    def spawner_pid(self) -> int | None: ...

    def problems(self) -> list[str]:
        """What needs attention: FATAL and UNKNOWN workers, spawner trouble."""


class LiveWork(NamedTuple):
    """A live run, as its agent may see it."""

    work: Work
    attempt: int
    cancelled: bool


class Passes(Protocol):
    """The tokens of runs."""

    def holder(self, token: str) -> Holder | None:
        """Whom a token opens; None: nobody."""


class Runs(Protocol):
    """The live runs: who does what, how far it is, how to end it."""

    def current(self, worker_id: str) -> list[CurrentRun]: ...

    def progress(self, run_id: str) -> RunMark | None:
        """How far a live run is; None: it is not live."""

    def mark(self, mark: RunMark) -> bool:
        """A live run's agent says how far it is; False: it is not live, or not in that
        epoch.
        """

    def work(self, run_id: RunId, epoch: Epoch) -> LiveWork | None:
        """What a live run is about; None: it is not live, or not in that epoch."""

    def wake(self) -> None:
        """Something may have become claimable."""

    def due_at(self, due_ms: int | None) -> None:
        """Something becomes claimable at this wall time."""

    async def cancel(self, run_id: RunId, epoch: Epoch, failure: FailureClass) -> None:
        """End a live run whose cancellation is committed; returns when its result has
        been settled. Never raises for a run that has ended meanwhile.
        """

    def connected(self, worker_id: str) -> bool: ...

    def version(self, worker_id: str) -> str | None:
        """Of a connected worker's program; None: not connected, or it did not say."""

    def problems(self) -> list[str]: ...


class Feed(Protocol):
    """Hints that something was committed; who is hinted reads the journal."""

    def subscribe(self) -> AsyncIterator[int]:
        """Yields the journal's head after it moved; coalesced, never blocking the
        sender. Close it with ``aclose``.
        """


class Life(Protocol):
    """The daemon's own course."""

    @property
    def state(self) -> Literal["starting", "running", "draining", "stopping"]: ...

    @property
    def started_ms(self) -> int: ...

    @property
    def uptime_s(self) -> float: ...

    async def drain(self) -> None:
        """Assign nothing more; returns when no run is live."""

    def shutdown(self, *, now: bool, keep_workers: bool) -> None:
        """Begin to leave; returns at once."""

    def replace(self) -> bool:
        """Begin to hand over to what is installed now, in this very process; returns
        at once. False: it leaves already.
        """


class Daemon(Protocol):
    """Everything a control method may use."""

    @property
    def config(self) -> Config: ...

    @property
    def claim_policy(self) -> ClaimPolicy: ...

    def problems(self) -> list[str]:
        """Why it is not healthy, its parts included; empty when it is."""

    async def reload(self) -> ReloadReply:
        """Read the configuration again. Raises ``ConfigError``, and then nothing has
        changed.
        """

    @property
    def store(self) -> Store: ...

    @property
    def fleet(self) -> Fleet: ...

    @property
    def runs(self) -> Runs: ...

    @property
    def feed(self) -> Feed: ...

    @property
    def life(self) -> Life: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def passes(self) -> Passes: ...
