"""The dispatch between a real store and workers that say what a test says.

Doubles: the crew, which lets in whom the test lets in, and the link's sender, which
keeps what it is given. Time moves by hand.
"""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from kanban_ipc import bounds, layout, link
from kanban_ipc.control import NewTicket, Run, RunsCall, Ticket
from kanban_ipc.link import DaemonMessage, Result, WorkerMessage
from kanban_ipc.words import WorkerId
from kanband.config import Config
from kanband.config.profiles import BUILT_IN
from kanband.config.sections import AgentConfig
from kanband.shell.dispatch import Dispatch
from kanband.shell.passes import Passes
from kanband.shell.profiles import Profiles
from kanband.shell.reception import Reception
from kanband.store.writer import StoreThread
from support.dispatch_doubles import BenchStore, CrewDouble, SenderDouble
from support.hand_clock import HandClock, by_hand

M = TypeVar("M", bound=DaemonMessage)
PROCESS = link.ProcessId("boot", 100, 5)
DONE = Result(outcome="finished", exit_code=0, agent_started_ms=1)


class Worker:
    """One start of a worker, as far as the link shows it."""

    def __init__(
        self, bench: "Bench", name: str, incarnation: str, *, slots: int
    ) -> None:
        self.name = WorkerId(name)
        self.incarnation = incarnation
        self.slots = slots
        self.peer = link.identity(self.name, incarnation)
        self._bench = bench
        self._read = 0

    def say(self, *messages: WorkerMessage) -> None:
        """All in one turn of the link."""
        for message in messages:
            self._bench.reception.receive(self.peer, message)
        self._bench.reception.turn_over()

    def hello(self, *held: link.Assign, draining: bool = False) -> None:
        """``held``: what it has in hand."""
        hello = link.Hello(
            version=bounds.LINK_VERSION,
            worker_id=self.name,
            incarnation=self.incarnation,
            secret="secret",
            process=PROCESS,
            slots=self.slots,
            draining=draining,
            held=tuple(link.Held(run.run_id, run.epoch) for run in held),
        )
        self.say(hello)

    def beat(self, *held: link.Assign, percent: int = 0) -> None:
        """A heartbeat."""
        seen = tuple(
            link.Observation(
                run.run_id, run.epoch, "running", alive=True, progress=percent
            )
            for run in held
        )
        self.say(link.Heartbeat(self.slots - len(held), seen))

    def heard(self, kind: type[M]) -> list[M]:
        """All of the kind that it was ever told."""
        sent = [each for peer, each in self._bench.sender.sent if peer == self.peer]
        return [each for each in sent if isinstance(each, kind)]

    def news(self) -> list[DaemonMessage]:
        """What it was told since it was asked last."""
        sent = [each for peer, each in self._bench.sender.sent if peer == self.peer]
        new, self._read = sent[self._read :], len(sent)
        return new

    @property
    def runs(self) -> list[link.Assign]:
        """Every assignment it was ever given."""
        return self.heard(link.Assign)


class Bench:
    """One dispatch, opened, and whom it talks to."""

    def __init__(self, root: Path, disk: StoreThread) -> None:
        self.clock = HandClock()
        self.store = BenchStore(disk)
        self.crew = CrewDouble()
        self.sender = SenderDouble()
        other = AgentConfig(kind="shell", argv=("true",))
        self.config = Config(
            agents={**BUILT_IN, "other": other},
            default_agent="shell",
            state_dir=root,
        )
        self.profiles = Profiles(self.config)
        (root / layout.RUNS_DIR).mkdir()
        self.passes = Passes(bytes(32), root / layout.AGENT_SOCKET)
        self._incarnations = itertools.count(1)
        self.broken: list[BaseException] = []
        self.dispatch = self.daemon()

    def daemon(self) -> Dispatch:
        """A dispatch that knows nothing yet."""
        dispatch = Dispatch(
            store=self.store,
            crew=self.crew,
            profiles=self.profiles,
            clock=self.clock,
            daemon_start="start",
            rng=random.Random(0),
            broken=self.broken.append,
            passes=self.passes,
        )
        dispatch.attach(self.sender)
        self.reception = Reception(
            dispatch,
            admission=self.crew,
            profiles=self.profiles,
            clock=self.clock,
        )
        return dispatch

    async def restart(self) -> None:
        """The daemon dies, and another one takes over its store."""
        self.dispatch.close()
        await self.settle()
        self.dispatch = self.daemon()
        await self.dispatch.recover()
        self.dispatch.open()
        await self.settle()

    def worker(self, name: str = "worker-1", *, slots: int = 1) -> Worker:
        """A new start of it, which has said nothing yet."""
        return Worker(self, name, f"inc-{next(self._incarnations)}", slots=slots)

    async def settle(self) -> None:
        """Until nothing happens any more by itself."""
        while True:
            for _ in range(20):
                await asyncio.sleep(0)
            if not self.store.owed:
                return
            await asyncio.wait(self.store.owed)

    async def pass_by(self, seconds: float) -> None:
        """Time passes, and what it brings is over."""
        self.clock.pass_by(seconds)
        await self.settle()

    async def add(self, *titles: str, wake: bool = True, **fields: Any) -> list[int]:
        """Ready tickets, in order; the dispatch hears of them, and all is over."""
        new = [NewTicket(title=title, **fields) for title in titles]
        now_ms = self.clock.now_ms()
        outcome = await self.store.do(
            lambda verbs: verbs.add(new, ready=True, now_ms=now_ms)
        )
        if wake:
            self.dispatch.wake()
        await self.settle()
        return [added.ticket.id for added in outcome.added]

    async def one_run(self, worker: Worker, **fields: Any) -> link.Assign:
        """A ticket in the worker's hands; it has said hello before."""
        await self.add("A ticket", **fields)
        return worker.runs[-1]

    async def ticket(self, ticket_id: int) -> Ticket:
        found = await self.store.read(lambda reads: reads.ticket(ticket_id))
        assert found is not None
        return found

    async def runs(self, ticket_id: int) -> list[Run]:
        call = RunsCall(ticket_id=ticket_id, limit=100)
        return await self.store.read(lambda reads: reads.runs(call))

    async def journal(self, ticket_id: int | None = None) -> list[str]:
        """Types of what happened, oldest first."""
        events = await self.store.read(
            lambda reads: reads.events(since=0, limit=1_000, ticket_id=ticket_id)
        )
        return [event.type for event in events]

    async def hand_over(self, assign: link.Assign, heir: Worker) -> None:
        """Another worker adopts the run."""
        run, now_ms = self.dispatch.live.get(assign.run_id), self.clock.now_ms()
        assert run is not None
        moving = self.store.do(
            lambda verbs: verbs.transfer({assign.run_id: heir.name}, now_ms=now_ms)
        )
        await self.dispatch.adopt(run, heir.name, moving)

    async def cancel(self, assign: link.Assign) -> "asyncio.Task[None]":
        """A person cancels the run's ticket; the task returns when it has ended."""
        ticket_id, now_ms = assign.work.ticket_id, self.clock.now_ms()
        await self.store.do(
            lambda verbs: verbs.cancel([ticket_id], requeue=False, now_ms=now_ms)
        )
        ending = asyncio.ensure_future(
            self.dispatch.cancel(assign.run_id, assign.epoch, "cancelled")
        )
        await self.settle()
        return ending


def started(assign: link.Assign, seq: int = 1) -> link.Started:
    return link.Started(assign.run_id, assign.epoch, seq, started_ms=1)


def line(assign: link.Assign, seq: int, text: str = "a line") -> link.Log:
    return link.Log(assign.run_id, assign.epoch, seq, 1, "info", text)


def finished(assign: link.Assign, seq: int = 2, result: Result = DONE) -> link.Finished:
    return link.Finished(assign.run_id, assign.epoch, seq, 2, result)


def ack(assign: link.Assign, seq: int) -> link.Ack:
    return link.Ack(assign.run_id, assign.epoch, seq)


@asynccontextmanager
async def opened(root: Path) -> AsyncIterator[Bench]:
    disk = StoreThread(root / "kanban.db")
    bench = Bench(root, disk)
    await bench.dispatch.recover()
    bench.dispatch.open()
    await bench.settle()
    try:
        yield bench
    finally:
        bench.store.let_go()
        bench.dispatch.close()
        with suppress(TimeoutError):
            await bench.settle()
        await disk.close()


def with_bench(root: Path, body: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
    """Run a body on a bench of its own; the bench is closed at the end."""

    async def main() -> None:
        async with opened(root) as bench:
            await body(bench)

    by_hand(main)
