"""One world: a machine, a seed, and its two phases.

*Safety*: faults come as the swarm says, and nothing wrong may ever be seen. *Healed*:
they stop, what was stopped goes on, and within a bound of virtual time every ticket
must come to rest, every agent be gone and every result be acknowledged.
"""

import asyncio
import hashlib
import logging
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import msgspec

from kanban_ipc.control import ListCall, Ticket
from kanban_ipc.link import Assign
from kanban_ipc.words import RunId, WorkerId
from kanband.config import Config
from kanband.config.profiles import BUILT_IN
from kanband.config.sections import (
    AgentConfig,
    LeaseConfig,
    LimitsConfig,
    QueueConfig,
)
from kanband.shell.methods import entering_ready
from kanband.shell.orphans import Reaped
from kanband.shell.profiles import Profiles
from sim.clients import Client
from sim.daemon import SimDaemon
from sim.disk import Disk, Fate
from sim.injectors import HOUR_S, Injectors
from sim.loop import NOBODY, START_S, Process, Standstill, VirtualLoop, run_virtually
from sim.network import Network
from sim.rundirs import BADLY, Plan, RunDir, Shim
from sim.swarm import Swarm, draw
from sim.watch import ALL, Watch
from sim.worker import SimWorker

WALL_MS: Final = 1_700_000_000_000
RUN_S: Final = 3_600.0
LIVENESS_S: Final = 4 * HOUR_S
"""Half an hour of cool-down, an hour for a run that hangs since before the healing,
and the rest of the tickets one after the other."""
REST: Final = frozenset(
    ("backlog", "blocked", "failed", "in_review", "approved", "completed", "cancelled")
)
_SHAPE: Final = (
    "hours",
    "beat_s",
    "workers",
    "slots",
    "tickets",
    "clients",
    "in_place",
    "repo_limit",
    "specialist",
    "latency_s",
    "meddling",
    "runs_elsewhere",
)
"""What of a swarm is no fault, and stays when the world is healed."""


class SimClock:
    """Implements ``ports.Clock``."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._ahead_ms = self._furthest_ms = 0

    def monotonic(self) -> float:
        return self._loop.now_s

    def now_ms(self) -> int:
        return WALL_MS + self._ahead_ms + round((self._loop.now_s - START_S) * 1000)

    def jump(self, by_s: float) -> None:
        self._furthest_ms = max(self._furthest_ms, self._ahead_ms)
        self._ahead_ms += round(by_s * 1000)

    def heal(self) -> None:
        """No time that it has ever shown is ahead any more."""
        self._ahead_ms = max(self._furthest_ms, self._ahead_ms)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a seed has shown."""

    seed: int
    violations: list[str]
    digest: str
    """Of the trace: the same seed, the same digest."""
    trace: list[str]
    counts: Counter[str]
    faults: Counter[str]
    hours: float
    entries: int
    runs: int


class World:
    """Everything that there is. Attributes are read by all its parts."""

    def __init__(self, loop: VirtualLoop, seed: int, swarm: Swarm) -> None:
        self.loop = loop
        self.seed = seed
        self.swarm = swarm
        self.healed = False
        self._run_dirs: dict[str, RunDir] = {}
        self._streams: dict[str, random.Random] = {}
        self._starts = 0
        self._up = asyncio.Event()
        self._up.set()
        self._digest = hashlib.blake2b(digest_size=16)
        self._over = asyncio.Event()
        self.clock = SimClock(loop)
        self.profiles = Profiles(_config(swarm))
        self.disk = Disk()
        self.watch = Watch(self)
        self.net = Network(self)
        self.boot = 1
        self.daemon: SimDaemon | None = None
        self.workers: dict[str, SimWorker] = {}
        self.wanted: dict[WorkerId, bool] = {
            WorkerId(f"worker-{n}"): True for n in range(1, swarm.workers + 1)
        }
        self.shims: list[Shim] = []
        self.processes: list[Process] = []
        """Of the machine, besides daemon, workers and shims."""
        self.acknowledged: dict[str, int] = {}
        """Tickets by key, as clients were told."""
        self.wanted_again: Counter[int] = Counter()
        """How often a client may have put a ticket back to work."""
        self.refused_ends: set[tuple[str, int]] = set()
        self.counts: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.lines: list[str] = []
        self.entries = self.runs = 0

    # -------------------------------------------------------------- for all its parts

    def rng(self, name: str) -> random.Random:
        """A stream of its own for each purpose: what one draws moves no other."""
        stream = self._streams.get(name)
        if stream is None:
            stream = self._streams[name] = random.Random(f"{self.seed} {name}")
        return stream

    def elapsed_s(self) -> float:
        return self.loop.now_s - START_S

    def trace(self, *words: object) -> None:
        line = f"{self.elapsed_s():.6f} {' '.join(map(str, words))}"
        self._digest.update(line.encode())
        self.lines.append(line)

    def count(self, what: str) -> None:
        self.counts[what] += 1
        self.trace("#", what)

    def fault(self, what: str, detail: str = "") -> None:
        self.faults[what] += 1
        self.trace("FAULT", what, detail)

    def stop(self) -> None:
        self._over.set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.loop.create_task(self.watch.guard(work), context=NOBODY)

    def later(self, seconds: float, callback: Callable[[], object]) -> None:
        self.loop.call_later(seconds, callback, context=NOBODY)

    async def step(self, process: Process, what: str) -> None:
        """Before a write: it takes a moment, and its writer may not live to do it."""
        rng = self.rng("steps")
        await asyncio.sleep(rng.uniform(0.0, 0.01))
        if rng.random() < self.swarm.dies_at_step:
            self.fault(f"died before writing: {what}")
            process.kill()
            await asyncio.Event().wait()
        if rng.random() < self.swarm.stalls_at_step:
            self.fault(f"stopped before writing: {what}")
            process.stop()
            self.later(rng.uniform(1.0, 400.0), process.go_on)
            await asyncio.sleep(0)

    async def room(self) -> None:
        """Return when the disk has room for a run's file."""
        while self.disk.full and not self.swarm.runs_elsewhere:
            self.counts["waited for room"] += 1
            await asyncio.sleep(1.0)

    def fate(self) -> tuple[Fate, float]:
        """Of a commit of the store."""
        rng, swarm = self.rng("disk"), self.swarm
        seconds = rng.uniform(0.0002, 0.002)
        if rng.random() < swarm.slow_commit:
            self.fault("slow commit")
            seconds += rng.uniform(0.0, swarm.slow_commit_s)
        if rng.random() < swarm.dies_at_commit:
            fate: Fate = rng.choice(("dies before", "dies after"))
            self.fault(f"daemon {fate} a commit")
            return fate, seconds
        if rng.random() < swarm.commit_fails:
            fate = rng.choice(("fails", "fails after"))
            self.fault(f"commit {fate}")
            return fate, seconds
        return "well", seconds

    def plan(self, assign: Assign) -> Plan:
        """What the agent of this attempt will do."""
        rng, swarm = self.rng("agents"), self.swarm
        seconds = rng.expovariate(1 / swarm.agent_s)
        bad = rng.random() < swarm.agent_fails
        poisoned = random.Random(f"{self.seed} {assign.work.ticket_id}").random()
        return Plan(
            seconds=seconds,
            ending=rng.choice(BADLY) if bad else "well",
            deaf=rng.random() < swarm.agent_fails / 2,
            poison=poisoned < swarm.poison,
        )

    def run_dir(self, run_id: RunId) -> RunDir:
        if run_id not in self._run_dirs:
            self._run_dirs[run_id] = RunDir(run_id)
        return self._run_dirs[run_id]

    @staticmethod
    def lost() -> Reaped:
        return Reaped(outcome="lost", proof="sweep")

    def restriction(self, name: str) -> frozenset[str] | None:
        if self.swarm.specialist and name == "worker-1":
            return frozenset(("special",))
        return None

    def live_shims(self) -> list[Shim]:
        self.shims = [each for each in self.shims if each.process.alive]
        return self.shims

    # ------------------------------------------------------------------- the machine

    def start_worker(self, name: WorkerId) -> None:
        """By the spawner, which is always there."""
        self._starts += 1
        self.trace("starts", name)
        incarnation = f"i{self._starts}"
        self.workers[name] = SimWorker(self, name, incarnation, self.swarm.slots)

    def crash_host(self, down_s: float) -> None:
        self._up.clear()
        self.boot += 1
        if self.daemon is not None:
            self.daemon.process.kill()
        for worker in self.workers.values():
            worker.process.kill()
        for shim in self.live_shims():
            shim.process.kill()
        for process in self.processes:
            process.kill()
        self.processes.clear()
        self.later(down_s, self._boot)

    def _boot(self) -> None:
        self._up.set()
        self.disk.free()

    async def _keep_daemon(self) -> None:
        """As systemd does."""
        rng = self.rng("systemd")
        number = 0
        while True:
            await self._up.wait()
            number += 1
            gone = asyncio.Event()
            self.trace("starts daemon", number)
            self.daemon = SimDaemon(self, number)
            self.daemon.process.on_end.append(gone.set)
            await gone.wait()
            away_s = 0.1 if self.healed else rng.uniform(0.1, self.swarm.daemon_away_s)
            await asyncio.sleep(away_s)

    # --------------------------------------------------------------------- the phases

    async def live(self) -> None:
        """Both phases; returns at the first violation."""
        clients = [Client(self, n) for n in range(self.swarm.clients)]
        self.spawn(self._keep_daemon())
        for client in clients:
            self.spawn(client.live())
            self.spawn(client.meddle())
        Injectors(self).begin()
        try:
            async with asyncio.timeout(self.swarm.hours * HOUR_S):
                await self._over.wait()
                return
        except TimeoutError:
            pass
        self.watch.history()
        self._heal()
        await clients[0].resume_all()
        await self._come_to_rest(clients)
        self.watch.history()

    def _heal(self) -> None:
        self.trace("healed")
        kept = {name: getattr(self.swarm, name) for name in _SHAPE}
        agent_s = min(self.swarm.agent_s, 60.0)
        self.swarm = Swarm(**kept, agent_s=agent_s, agent_fails=0.0)
        self.healed = True
        self.disk.free()
        self.clock.heal()
        stopped = [each.process for each in self.workers.values()]
        stopped += [each.process for each in self.live_shims()] + self.processes
        if self.daemon is not None:
            stopped.append(self.daemon.process)
        for process in stopped:
            process.go_on()

    async def _come_to_rest(self, clients: list[Client]) -> None:
        bound = self.loop.time() + LIVENESS_S
        while not self._over.is_set():
            restless = self._restless(clients)
            if not restless:
                return
            if self.loop.time() > bound:
                self.watch.wrong(
                    f"not at rest after {LIVENESS_S / HOUR_S:g} h: {restless}"
                )
                return
            await asyncio.sleep(30.0)

    def _restless(self, clients: list[Client]) -> list[str]:
        """What must still happen before everything is done."""
        found = [f"client {each.number} adds" for each in clients if each.busy]
        page, _total = self.disk.reads.tickets(ListCall(limit=ALL, cancelled=True))
        tickets = {ticket.id: ticket for ticket in page}
        for key, number in self.acknowledged.items():
            if number not in tickets or tickets[number].key != key:
                self.watch.wrong(f"ticket {number}, key {key}, is lost")
        found += [
            f"ticket {ticket.id} is {ticket.state} {ticket.waits_for}"
            for ticket in page
            if not self._rests(ticket)
        ]
        found += [f"the agent of ticket {number} lives" for number in self.watch.agents]
        for worker in self.workers.values():
            if worker.process.alive:
                found += [f"{worker.name} has {run[-6:]}" for run, _ in worker.jobs]
        return found

    def _rests(self, ticket: Ticket) -> bool:
        """Or it waits for one that rests and was never completed: for a person."""
        if ticket.state in REST:
            return True
        if ticket.state != "ready" or ticket.waits_for != "depends":
            return False
        blockers = self.disk.reads.blockers(ticket.id)
        if any(each.state == "completed" for each in blockers):
            return False  # it should have been woken
        return bool(blockers) and all(map(self._rests, blockers))

    def outcome(self) -> Outcome:
        return Outcome(
            seed=self.seed,
            violations=self.watch.violations,
            digest=self._digest.hexdigest(),
            trace=self.lines,
            counts=self.counts,
            faults=self.faults,
            hours=self.elapsed_s() / HOUR_S,
            entries=self.entries,
            runs=self.runs,
        )


def _config(swarm: Swarm) -> Config:
    return Config(
        agents={
            **BUILT_IN,
            "steady": AgentConfig(argv=("x",)),
            "finisher": AgentConfig(argv=("x",), on_success="complete"),
            "special": AgentConfig(argv=("x",), on_success="complete"),
            "in-place": AgentConfig(argv=("x",), worktree=False),
        },
        default_agent="steady",
        state_dir=Path("/state"),
        lease=LeaseConfig(heartbeat_s=swarm.beat_s),
        limits=LimitsConfig(run_s=RUN_S),
        queue=QueueConfig(max_runs_per_repo=swarm.repo_limit),
    )


def simulate(seed: int, swarm: Swarm | None = None) -> Outcome:
    """Live through a seed."""
    worlds: list[World] = []

    async def main(loop: VirtualLoop) -> None:
        world = World(loop, seed, draw(seed) if swarm is None else swarm)
        worlds.append(world)
        loop.set_exception_handler(
            lambda _loop, context: world.watch.wrong(
                f"a bug: {context.get('exception')!r} {context['message']}"
            )
        )
        try:
            await world.live()
        finally:
            loop.set_exception_handler(lambda _loop, _context: None)

    logging.disable(logging.CRITICAL)
    try:
        # The simulated machine's repositories are always there.
        with patch.object(entering_ready, "_look", lambda _path: ""):
            run_virtually(main)
    except Standstill:
        worlds[0].watch.wrong("nobody is left who could do anything")
    finally:
        logging.disable(logging.NOTSET)
    return worlds[0].outcome()
