"""The live runs and the workers' sessions, as the daemon holds them in memory.

A cache, never the truth: everything here is rebuilt from the store's leases and the
workers' hellos. What decides is in ``dispatch`` and in the store.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from kanban_ipc.link import Work, identity
from kanban_ipc.words import Epoch, FailureClass, RunId, WorkerId
from kanband.core.landing import Wish
from kanband.shell.profiles import Terms
from kanband.store.values import Claim, Lease, RunMark


@dataclass(slots=True)
class LiveRun:
    """A run that holds a lease."""

    run_id: RunId
    epoch: Epoch
    attempt: int
    worker_id: WorkerId
    agent: str
    work: Work
    terms: Terms
    since: float
    """Monotonic seconds: claimed, or found by a starting daemon."""
    adopt: bool = False
    """It may have begun already: whoever gets it must look on disk first."""
    started: bool = False
    cancel: FailureClass | None = None
    sent_at: float | None = None
    """When the assignment was last put on the link."""
    sent_to: str = ""
    """The incarnation for which that was tried last."""
    seen_seq: int = 0
    """Highest reliable sequence number received; committed or about to be."""
    last_seq: int = 0
    """Highest one committed, and so acknowledged."""
    percent: int = 0
    step: str = ""
    current_step: int = 0
    total_steps: int = 0
    reaping: bool = False
    moving: bool = False
    """Its transfer to another worker is on the way into the store."""
    ending: bool = False
    """Its end is on the way into the store."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def claimed(cls, claim: Claim, terms: Terms, now: float) -> "LiveRun":
        """A run that was just created."""
        return cls(
            run_id=claim.run_id,
            epoch=claim.epoch,
            attempt=claim.attempt,
            worker_id=claim.worker_id,
            agent=claim.agent,
            work=claim.work,
            terms=terms,
            since=now,
        )

    @property
    def untouched(self) -> bool:
        """Nobody was given it, by this daemon or an earlier one."""
        return not (self.adopt or self.started or self.sent_to)

    def given(self, incarnation: str, now: float) -> None:
        """Its assignment leaves for this start of a worker. An earlier one may have
        begun it; the same one has not, or it would hold it.
        """
        self.adopt = self.adopt or self.sent_to not in {"", incarnation}
        self.sent_to, self.sent_at = incarnation, now

    @classmethod
    def found(cls, lease: Lease, terms: Terms, now: float) -> "LiveRun":
        """A run that an earlier daemon had created."""
        wish: dict[Wish, FailureClass] = {
            "cancel": "cancelled",
            "requeue": "cancelled",
            "shutdown": "shutdown",
        }
        return cls(
            run_id=lease.run_id,
            epoch=lease.epoch,
            attempt=lease.attempt,
            worker_id=lease.worker_id,
            agent=lease.agent,
            work=lease.work,
            terms=terms,
            since=now,
            adopt=True,
            started=lease.started,
            cancel=None if lease.cancel is None else wish[lease.cancel],
            seen_seq=lease.last_seq,
            last_seq=lease.last_seq,
            percent=lease.mark.percent,
            step=lease.mark.step,
            current_step=lease.mark.current_step,
            total_steps=lease.mark.total_steps,
        )

    @property
    def mark(self) -> RunMark:
        """How far it is."""
        return RunMark(
            run_id=self.run_id,
            epoch=self.epoch,
            percent=self.percent,
            step=self.step,
            current_step=self.current_step,
            total_steps=self.total_steps,
        )

    def take(self, mark: RunMark) -> None:
        """It is as far as that."""
        self.percent, self.step = mark.percent, mark.step
        self.current_step, self.total_steps = mark.current_step, mark.total_steps


Spared: TypeAlias = Literal["not", "when_empty", "wholly"]
"""Which further runs a worker does not get, as it is to be replaced between two."""


class Restriction(NamedTuple):
    """What a worker was started for; by default for everything."""

    agents: frozenset[str] | None = None
    """None: every profile."""
    repo_path: str | None = None
    labels: frozenset[str] = frozenset()
    """Only tickets that carry all of them."""

    def allows(self, agent: str, repo_path: str | None, labels: Iterable[str]) -> bool:
        """Whether the worker takes such a ticket."""
        return (
            (self.agents is None or agent in self.agents)
            and self.repo_path in (None, repo_path)
            and self.labels.issubset(labels)
        )


@dataclass(slots=True)
class Session:
    """A worker that has said hello to this daemon."""

    worker_id: WorkerId
    incarnation: str
    slots: int
    heard_at: float
    """Monotonic seconds."""
    draining: bool = False
    """It was asked to leave, or has said that it does."""
    gives_back: bool = False
    """It has given a run back unasked, and named no free slot since then."""
    reserved: int = 0
    """Slots that are taken, it says, by what it does not list."""
    spared: Spared = "not"
    """It is to be replaced when it has no run."""
    only: Restriction = field(default_factory=Restriction)
    program_version: str = ""

    peer: bytes = field(init=False)
    """Its routing id on the link."""

    def __post_init__(self) -> None:
        self.peer = identity(self.worker_id, self.incarnation)

    def room(self, taken: int) -> int:
        """How many runs it may be given; ``taken``: slots of runs that it has."""
        if self.draining or self.gives_back or self.spared == "wholly":
            return 0
        if self.spared == "when_empty" and taken == 0:
            return 0
        return max(0, self.slots - self.reserved - taken)

    def has_room(self, free: int, running: int) -> bool:
        """It says so; ``running``: of the runs that it lists. True: more than before.

        What is on its way to it is in neither number: only slots that it counts as
        taken, and does not list, are another's.
        """
        before = self.reserved + self.gives_back
        self.reserved = min(self.slots, max(0, self.slots - free - running))
        self.gives_back = self.gives_back and free <= 0
        return self.reserved + self.gives_back < before


class LiveTable:
    """Live runs by id, and by the worker that holds them."""

    def __init__(self) -> None:
        """Empty."""
        self._runs: dict[RunId, LiveRun] = {}
        self._of_worker: dict[WorkerId, dict[RunId, LiveRun]] = {}
        self._idle = asyncio.Event()
        self._busy = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        """How many runs are live."""
        return len(self._runs)

    def add(self, run: LiveRun) -> None:
        """A run begins to hold its lease."""
        self._runs[run.run_id] = run
        self._busy.set()
        self._idle.clear()
        self._of_worker.setdefault(run.worker_id, {})[run.run_id] = run

    def get(self, run_id: RunId, epoch: Epoch | None = None) -> LiveRun | None:
        """The run, if it is live (in this epoch)."""
        run = self._runs.get(run_id)
        if run is None or (epoch is not None and run.epoch != epoch):
            return None
        return run

    def of(self, worker_id: WorkerId) -> list[LiveRun]:
        """The runs of a worker."""
        return list(self._of_worker.get(worker_id, {}).values())

    def count(self, worker_id: WorkerId) -> int:
        """How many slots of a worker are taken."""
        return len(self._of_worker.get(worker_id, ()))

    def everyone(self) -> list[LiveRun]:
        """All of them."""
        return list(self._runs.values())

    def hand_over(self, run: LiveRun, worker_id: WorkerId) -> None:
        """The run belongs to another worker from now on."""
        self._of_worker[run.worker_id].pop(run.run_id)
        run.worker_id = worker_id
        run.adopt = not run.untouched
        run.sent_at = None
        self._of_worker.setdefault(worker_id, {})[run.run_id] = run

    def remove(self, run_id: RunId) -> None:
        """The run has ended; whoever waits for that goes on."""
        run = self._runs.pop(run_id, None)
        if run is None:
            return
        self._of_worker[run.worker_id].pop(run_id, None)
        run.ended.set()
        if not self._runs:
            self._busy.clear()
            self._idle.set()

    async def idle(self) -> None:
        """Return once no run is live."""
        await self._idle.wait()

    async def busy(self) -> None:
        """Return once a run is live."""
        await self._busy.wait()
