"""A worker, simulated: the desk's rules, the production outbox, runs on their way.

What it keeps of a run is on disk (``rundirs``); everything here is lost with it.
"""

import asyncio
from typing import TYPE_CHECKING, TypeAlias

from kanban_ipc import bounds
from kanban_ipc.link import (
    Ack,
    Assign,
    Cancel,
    DaemonMessage,
    Drain,
    Drop,
    Finished,
    Goodbye,
    Heartbeat,
    Held,
    Hello,
    HelloWanted,
    Observation,
    ProcessId,
    Progress,
    Refused,
    Result,
    Started,
    Welcome,
    WorkerMessage,
    identity,
)
from kanban_ipc.words import Epoch, FailureClass, RunId, WorkerId
from kanban_worker.core.outbox import Outbox
from sim.loop import Call, Process
from sim.rundirs import RunDir, Shim, result_of

if TYPE_CHECKING:
    from sim.network import Connection
    from sim.world import World

Key: TypeAlias = tuple[RunId, Epoch]
ACK_PATIENCE_S = 5.0


class Job:
    """One run at hand."""

    def __init__(self, worker: "SimWorker", assign: Assign) -> None:
        self.assign = assign
        self.key: Key = (assign.run_id, assign.epoch)
        self.over = False
        self.dropped = False
        self.order: FailureClass | None = "cancelled" if assign.cancel else None
        self.run_dir: RunDir = worker.world.run_dir(assign.run_id)
        self.box = worker.outbox.open(*self.key, taken_over=assign.adopt)
        self._worker = worker
        self._world = worker.world
        self._poke = asyncio.Event()

    def end(self, order: FailureClass) -> None:
        """In order; it is reported."""
        if self.over:
            return
        self.order = self.order or order
        self.run_dir.order = self.order
        self._interrupt()

    def drop(self) -> None:
        """At once; nothing is reported."""
        self.dropped = True
        if not self.over:
            self._world.count("dropped while it ran")
            self._interrupt()

    def _interrupt(self) -> None:
        self._poke.set()
        if self.run_dir.shim is not None:
            self.run_dir.shim.cancel()

    async def run(self) -> None:
        result = await self._course()
        self.over = True
        if result is None:
            return
        world = self._world
        message = Finished(*self.key, self.box.last_seq(), world.clock.now_ms(), result)
        self._worker.outbox.keep(message)
        self._worker.post(message)
        self._worker.check_leaving()

    async def _course(self) -> Result | None:
        world, worker, run_dir = self._world, self._worker, self.run_dir
        await self._write("assignment")
        if run_dir.result is not None:
            world.count("result found on disk")
            return run_dir.result
        self.order = self.order or run_dir.order
        if not await self._to_the_end():
            return None
        await asyncio.sleep(worker.rng.uniform(0.0, 0.5))
        if self.dropped:
            return None
        await self._write("result")
        return run_dir.keep(result_of(run_dir, self.order, world.boot))

    async def _to_the_end(self) -> bool:
        """Until it is over and nobody can begin it again. False: dropped before."""
        run_dir = self.run_dir
        while (state := run_dir.state) != "exited":
            if self.dropped and state != "alive":
                return False
            if state == "alive":
                await self._attend()
            elif state == "prepared" and self.order is None:
                await self._begin()
            elif await self._bury(state):
                return True
        self._say_started()
        return True

    async def _bury(self, found: str) -> bool:
        """False: somebody has begun or ended it meanwhile."""
        run_dir = self.run_dir
        self._world.count(f"found {found}, and ended")
        await self._write("buried")
        if run_dir.state in {"alive", "exited"}:
            return False
        run_dir.reaped = run_dir.reaped or self._world.lost()
        return True

    async def _write(self, what: str) -> None:
        await self._world.room()
        await self._world.step(self._worker.process, what)

    async def _begin(self) -> None:
        """Prepare, record the intent, launch; an order may come meanwhile."""
        run_dir = self.run_dir
        try:
            async with asyncio.timeout(self._worker.rng.uniform(0.01, 2.0)):
                await self._poke.wait()
        except TimeoutError:
            await self._write("spec")
        if self.order is not None or self.dropped:
            return
        if run_dir.state != "prepared":
            self._world.count("launch refused: somebody was faster")
            return
        run_dir.launcher = self._worker.process
        run_dir.spec, run_dir.boot = True, self._world.boot
        await self._world.step(self._worker.process, "fork")
        Shim(self._world, run_dir, self.assign)
        run_dir.launcher = None

    async def _attend(self) -> None:
        shim = self.run_dir.shim
        if shim is None:
            await asyncio.sleep(0.05)
            return
        if self.order is not None or self.dropped:
            shim.cancel()
        if not shim.started_ms:
            await asyncio.sleep(0.03)
            return
        self._say_started()
        if self._worker.rng.random() < 0.3:
            now_ms = self._world.clock.now_ms()
            if line := self.box.line(now_ms, "info", "it goes on"):
                self._worker.post(line)
        await shim.gone()

    def _say_started(self) -> None:
        shim = self.run_dir.shim
        if self.box.begun or shim is None or not shim.started_ms:
            return
        message = Started(
            *self.key, self.box.next_seq(), shim.started_ms, branch="kanban/x"
        )
        self.box.keep(message)
        self._worker.post(message)


class SimWorker:
    """One start of a worker."""

    def __init__(
        self, world: "World", name: WorkerId, incarnation: str, slots: int
    ) -> None:
        self.world = world
        self.name = name
        self.incarnation = incarnation
        self.slots = slots
        self.peer = identity(name, incarnation)
        self.process = Process(world.loop, f"{name}:{incarnation}")
        self.connection: Connection | None = None
        self.outbox = Outbox()
        self.jobs: dict[Key, Job] = {}
        self.rng = world.rng(f"worker {incarnation}")
        self.was_welcome = False
        self._welcome = False
        self._overflowed = False
        self._reason: str | None = None
        self._patient = True
        self._beat_s = 5.0
        self._beating: Call | None = None
        self.process.spawn(self._main())

    async def _main(self) -> None:
        await asyncio.sleep(self.rng.uniform(0.005, 0.1))
        if self.rng.random() < self.world.swarm.worker_stillborn:
            self.world.fault("worker stillborn")
            self.process.kill()
            return
        self.world.net.call(self)
        self._beat()

    def terminate(self) -> None:
        """SIGTERM."""
        self.process.call(self._drain, 60.0)

    # ------------------------------------------------------------------- its link

    def connected(self, connection: "Connection") -> None:
        self.connection = connection
        self._hello()

    def disconnected(self, connection: "Connection") -> None:
        if self.connection is connection:
            self.connection = None
            self._welcome = False
            delay_s = self.rng.uniform(0.02, 1.0)
            self.process.later(delay_s, self.world.net.call, self)

    def post(self, message: WorkerMessage) -> None:
        if not self._welcome or self.connection is None:
            return
        self._overflowed |= not self.connection.say(message)
        if self.rng.random() < self.world.swarm.doubled:
            self.world.fault("message doubled")
            self.connection.say(message)

    def _hello(self) -> None:
        self._welcome = False
        assert self.connection is not None
        hello = Hello(
            version=bounds.LINK_VERSION,
            worker_id=self.name,
            incarnation=self.incarnation,
            secret="secret",
            process=ProcessId("boot", 1, 1),
            slots=self.slots,
            draining=self._reason is not None,
            held=tuple(Held(*key) for key in self.jobs),
        )
        # On a new connection the queue is empty.
        while not self.connection.say(hello):
            pass

    def _repeat(self) -> None:
        for message in list(self.outbox.unacknowledged()):
            self.post(message)

    def received(self, message: DaemonMessage) -> None:
        match message:
            case Welcome():
                self._welcome = self.was_welcome = True
                self._beat_s = message.heartbeat_s
                self._repeat()
                self._beat()
            case HelloWanted():
                self._hello()
            case Assign():
                self._assign(message)
            case Ack():
                self._acknowledge(message)
            case Cancel():
                if job := self.jobs.get((message.run_id, message.epoch)):
                    job.end(message.failure)
            case Drop():
                self._drop(message)
            case Drain():
                self._drain(message.deadline_s)
            case Refused():
                self.world.count(f"refused: {message.code}")
                self.process.kill()
            case _:
                return

    # ------------------------------------------------------------------- its desk

    def _assign(self, assign: Assign) -> None:
        key = (assign.run_id, assign.epoch)
        if known := self.jobs.get(key):
            self.world.count("assigned twice")
            if assign.cancel:
                known.end("cancelled")
            return
        if assign.adopt:
            self.world.count("adopted")
        job = self.jobs[key] = Job(self, assign)
        if self._reason is not None and not assign.adopt:
            self.world.count("declined")
            job.over = True
            result = Result(outcome="aborted", failure="shutdown", message="leaving")
            now_ms = self.world.clock.now_ms()
            message = Finished(*key, job.box.last_seq(), now_ms, result)
            self.outbox.keep(message)
            self.post(message)
            return
        self.process.spawn(job.run())

    def _acknowledge(self, ack: Ack) -> None:
        if not self.outbox.acknowledge(ack.run_id, ack.epoch, ack.seq):
            return
        if job := self.jobs.pop((ack.run_id, ack.epoch), None):
            job.run_dir.acknowledged = True
        self.check_leaving()

    def _drop(self, drop: Drop) -> None:
        key = (drop.run_id, drop.epoch)
        self.outbox.drop(*key)
        if job := self.jobs.pop(key, None):
            job.drop()
        self.check_leaving()

    def _beat(self) -> None:
        if self._beating is not None:
            self._beating.cancel()
        self._beating = self.process.later(self._beat_s, self._beat)
        if self._overflowed:
            self._overflowed = False
            self.world.count("said again after an overflow")
            self._repeat()
        runs = tuple(
            Observation(*key, "finished" if job.over else "running", alive=not job.over)
            for key, job in self.jobs.items()
        )
        leaves = self._reason is not None
        self.post(Heartbeat(0 if leaves else max(self.slots - len(runs), 0), runs))
        for key, job in self.jobs.items():
            if not job.over and self.rng.random() < 0.1:
                self.post(Progress(*key, self.rng.randrange(100), "a step"))

    # ---------------------------------------------------------------- its leaving

    def _drain(self, deadline_s: float) -> None:
        self._reason = self._reason or "drained"
        self.process.later(deadline_s, self._cancel_all)
        self.check_leaving()

    def _cancel_all(self) -> None:
        for job in list(self.jobs.values()):
            job.end("shutdown")

    def check_leaving(self) -> None:
        if self._reason is None or any(not job.over for job in self.jobs.values()):
            return
        if not self.jobs:
            self._leave()
        elif self._patient:
            self._patient = False
            self.process.later(ACK_PATIENCE_S, self._leave)

    def _leave(self) -> None:
        self.post(Goodbye("drained"))
        self.world.count("left after a drain")
        self.process.kill()
