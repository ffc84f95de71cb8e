"""One start of the daemon: production reception, dispatch, orphans, methods and store.

What is simulated is around them: the link's socket, the fleet, the reaper's process
and the end by ``kill -9``.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from kanban_ipc import frames
from kanban_ipc.link import Finished, Heartbeat, WorkerMessage
from kanband.config import Config
from kanband.core.staleness import GAP_BEATS
from kanband.shell.dispatch import Dispatch
from kanband.shell.live import LiveRun
from kanband.shell.orphans import Orphans, Reaped
from kanband.shell.passes import Passes
from kanband.shell.reception import Reception
from kanband.shell.turn import Turn, TurnOutcome
from kanband.store.errors import StoreError
from kanband.store.values import ClaimPolicy, Landed
from sim.crew import Crew
from sim.disk import SimStore
from sim.loop import Process
from sim.rundirs import reap

if TYPE_CHECKING:
    from sim.world import World

T = TypeVar("T")


class Away(Exception):
    """The daemon died before it answered, or is not there."""


class _Reception(Reception):
    """The production reception; it only counts which ways were gone."""

    world: "World"

    def receive(self, peer: bytes, message: WorkerMessage) -> None:
        if isinstance(message, Finished):
            run = self._live.get(message.run_id, message.epoch)
            session = self._sessions.of_peer(peer)
            if session is None:
                self.world.count("finished by a stranger")
            elif run is None:
                self.world.count("finished, not live")
            elif run.worker_id != session.worker_id:
                self.world.count("finished by another than the holder")
            elif message.seq <= run.seen_seq:
                self.world.count("finished twice")
        super().receive(peer, message)


class _Dispatch(Dispatch):
    """The production dispatch; it only counts which ways were gone."""

    world: "World"

    def _not_committed(self, turn: Turn, error: BaseException) -> None:
        self.world.count("turn refused")
        for end in turn.arrivals.ends:
            self.world.refused_ends.add((end.run_id, end.epoch))
        super()._not_committed(turn, error)

    def _committed(self, turn: Turn, outcome: TurnOutcome) -> None:
        for report, end in zip(turn.arrivals.ends, outcome.ends, strict=True):
            if not isinstance(end, Landed):
                continue
            if (report.run_id, report.epoch) in self.world.refused_ends:
                self.world.count("refused by the disk, landed later")
            if end.repeated:
                self.world.count("landed before")
        super()._committed(turn, outcome)


class _Orphans(Orphans):
    """The production orphans; their reaper is a process of the simulated machine."""

    world: "World"

    async def _reaper(self, run: LiveRun) -> Reaped | None:
        world = self.world
        process = Process(world.loop, f"reaper {run.run_id[-6:]}")
        world.processes.append(process)
        done: asyncio.Future[Reaped | None] = world.loop.create_future()
        if world.rng("reaper").random() < world.swarm.reaper_fails:
            world.fault("reaper failed")
            return None

        async def work() -> None:
            reaped = await reap(world, process, world.run_dir(run.run_id))
            if not done.done():
                done.set_result(reaped)
            process.kill()

        def gone() -> None:
            if not done.done():
                done.set_result(None)

        process.on_end.append(gone)
        process.spawn(work())
        return await done


class _Life:
    state = "running"


class SimDaemon:
    """Implements what of ``ports.Daemon`` the methods need."""

    def __init__(self, world: "World", number: int) -> None:
        self.world = world
        self.process = Process(world.loop, f"daemon {number}")
        self._thread = Process(world.loop, f"store {number}")
        self.process.on_end.append(self._thread.kill)
        self.process.on_end.append(self._hang_up)
        self.ready = False
        self._inbox: list[tuple[bytes, bytes]] = []
        self._calls: dict[asyncio.Future[Any], None] = {}
        self._store = SimStore(
            world.disk,
            self.process,
            self._thread,
            fate=world.fate,
            committed=world.watch.committed,
            on_journal=lambda _seq: None,
            on_fatal=lambda _error: self._left("disk failed"),
        )
        self.crew = Crew(world, self.process)
        self.dispatch: _Dispatch
        self._reception: _Reception
        self.process.spawn(self._main(number))

    async def _main(self, number: int) -> None:
        world = self.world
        await asyncio.sleep(world.rng(f"start {number}").uniform(0.1, 0.5))
        self.dispatch = _Dispatch(
            store=self._store,
            crew=self.crew,
            profiles=world.profiles,
            passes=Passes(bytes(32), Path("/nowhere/agent.sock")),
            clock=world.clock,
            daemon_start=str(number),
            rng=world.rng(f"dispatch {number}"),
            broken=world.watch.broken,
        )
        self.dispatch.world = world
        self._reception = _Reception(
            self.dispatch,
            admission=self.crew,
            profiles=world.profiles,
            clock=world.clock,
        )
        self._reception.world = world
        self.dispatch.attach(world.net)
        try:
            await self.dispatch.recover()
        except StoreError:
            self._left("recovery failed")
            return
        if self.dispatch.live.everyone():
            world.count("leases found by a new daemon")
        self.crew.open(self.dispatch)
        world.net.listen(self)
        orphans = _Orphans(
            dispatch=self.dispatch,
            prospects=self.crew,
            profiles=world.profiles,
            store=self._store,
            clock=world.clock,
        )
        orphans.world = world
        self.process.spawn(world.watch.guard(orphans.run()))
        self.process.spawn(self._beat())
        self.ready = True
        self.dispatch.open()

    async def _beat(self) -> None:
        """As ``Kanband._beat``."""
        while True:
            self.dispatch.awake()
            await asyncio.sleep(self.world.profiles.beats.beat_s / GAP_BEATS)

    def _left(self, why: str) -> None:
        self.world.count(f"daemon left: {why}")
        self.process.kill()

    def _hang_up(self) -> None:
        self.ready = False
        for call in self._calls:
            if not call.done():
                call.set_exception(Away())

    # ----------------------------------------------------------------- its sockets

    def incoming(self, peer: bytes, data: bytes) -> None:
        """Something waits on the link."""
        self._inbox.append((peer, data))
        if len(self._inbox) == 1:
            self.process.call(self._drain)

    def _drain(self) -> None:
        """As ``shell.link.Link._drain``."""
        inbox, self._inbox = self._inbox, []
        for peer, data in inbox:
            for message in frames.from_worker(data):
                if not isinstance(message, Heartbeat):
                    self.world.trace("hears", type(message).__name__, peer)
                self._reception.receive(peer, message)
        self._reception.turn_over()

    async def ask(self, method: Callable[["SimDaemon"], Awaitable[T]]) -> T:
        """A call on the control socket, by somebody outside. Raises ``Away``."""
        if not self.ready:
            raise Away
        answer: asyncio.Future[T] = self.world.loop.create_future()
        self._calls[answer] = None

        async def serve() -> None:
            try:
                reply = await method(self)
            except Exception as error:  # noqa: BLE001 - the caller's to judge
                if not answer.done():
                    answer.set_exception(error)
            else:
                if not answer.done():
                    answer.set_result(reply)

        self.process.spawn(serve())
        try:
            return await answer
        finally:
            del self._calls[answer]

    # ----------------------------------------------------------------- ports.Daemon

    @property
    def config(self) -> Config:
        return self.world.profiles.config

    @property
    def claim_policy(self) -> ClaimPolicy:
        return self.world.profiles.claim_policy

    @property
    def store(self) -> SimStore:
        return self._store

    @property
    def fleet(self) -> Crew:
        return self.crew

    @property
    def runs(self) -> Dispatch:
        return self.dispatch

    @property
    def clock(self) -> Any:
        return self.world.clock

    @property
    def life(self) -> Any:
        return _Life
