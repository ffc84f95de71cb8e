"""The fleet, simulated: workers are started, restarted, stopped and let in.

It dies with its daemon; the workers, and what is wanted of them, outlive it. Delays
and giving up are the production automaton's (``core.backoff``).
"""

import asyncio
from typing import TYPE_CHECKING

from kanban_ipc import link
from kanban_ipc.control import WorkerInfo
from kanban_ipc.words import WorkerId
from kanband.core import backoff
from kanband.shell.dispatch import Dispatch
from kanband.shell.live import Restriction
from sim.loop import Process

if TYPE_CHECKING:
    from sim.world import World

STOP_S = 60.0
GRACE_S = 10.0


class Crew:
    """Implements ``dispatch.Crew``, ``reception.Admission`` and ``ports.Fleet``'s
    answers."""

    def __init__(self, world: "World", process: Process) -> None:
        self._world = world
        self._process = process
        self._rng = world.rng("crew")
        self._policy = backoff.Policy()
        self._histories: dict[str, backoff.History] = {}
        self._fatal: set[str] = set()
        self._changed: dict[str, asyncio.Event] = {}
        self._dispatch: Dispatch

    def open(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        for name in self._world.wanted:
            self._changed[name] = asyncio.Event()
            self._process.spawn(self._keep(name))

    # ---------------------------------------------------------------- the dispatch's

    def verify(self, hello: link.Hello) -> link.Refused | None:
        worker = self._world.workers.get(hello.worker_id)
        alive = worker is not None and worker.process.alive
        if worker is None or not alive or worker.incarnation != hello.incarnation:
            self._world.count("fenced hello")
            return link.Refused(code="fenced", reason="another one was started")
        return None

    def on_hello(self, hello: link.Hello) -> None:
        name = hello.worker_id
        history = self._histories.get(name, backoff.History())
        self._histories[name] = backoff.running(history, self._world.loop.time())

    def on_goodbye(self, worker_id: WorkerId, reason: str) -> None:
        self._world.count(f"goodbye of {worker_id}: {reason}")

    def heard(self, worker_id: WorkerId) -> None:
        """Asked of the sessions when it matters."""

    def processed(self, worker_id: WorkerId, count: int = 1) -> None:
        self._world.counts[f"settled of {worker_id}"] += count

    def restriction(self, worker_id: WorkerId) -> Restriction:
        return Restriction(agents=self._world.restriction(worker_id))

    def returns(self, worker_id: WorkerId) -> bool:
        if worker_id in self._fatal or worker_id not in self._world.wanted:
            return False
        worker = self._world.workers.get(worker_id)
        lives = worker is not None and worker.process.alive
        return lives or self._world.wanted[worker_id]

    # ------------------------------------------------------------------- for clients

    def infos(self, _worker_ids: object = ()) -> list[WorkerInfo]:
        return []

    def known(self, worker_id: str) -> bool:
        return worker_id in self._world.wanted

    def want(self, name: WorkerId, *, run: bool) -> None:
        self._world.wanted[name] = run
        self._fatal.discard(name)
        self._histories.pop(name, None)
        self._changed[name].set()
        worker = self._world.workers.get(name)
        if run or worker is None or not worker.process.alive:
            return
        if not self._dispatch.drain_worker(name, STOP_S):
            worker.terminate()
        self._process.later(STOP_S + GRACE_S * 2, self._put_down, worker.process)

    def _put_down(self, process: Process) -> None:
        if process.alive:
            self._world.count("stop escalated to KILL")
            process.kill()

    # -------------------------------------------------------------------- one worker

    async def _keep(self, name: WorkerId) -> None:
        world, changed = self._world, self._changed[name]
        while True:
            worker = world.workers.get(name)
            if worker is not None and worker.process.alive:
                await self._watch(name)
                self._dispatch.worker_gone(name, worker.incarnation)
                await self._after(name, said_hello=worker.was_welcome)
            elif not world.wanted[name]:
                # As for a stop's proof, which nothing else waits for.
                self._process.spawn(self._dispatch.runs_ended(name))
                await changed.wait()
            elif name in self._fatal:
                await changed.wait()
            else:
                world.start_worker(name)
            changed.clear()

    async def _after(self, name: WorkerId, *, said_hello: bool) -> None:
        history = self._histories.get(name, backoff.History())
        now, policy = self._world.loop.time(), self._policy
        if said_hello:
            history = backoff.ended(history, now, policy)
        else:
            history = backoff.failed(history, now, policy)
            if backoff.exhausted(history, policy):
                self._world.count("worker FATAL")
                self._fatal.add(name)
        self._histories[name] = history
        if self._world.wanted[name] and name not in self._fatal:
            delay_s = backoff.delay_s(history, self._rng.uniform(-1, 1), policy)
            await asyncio.sleep(delay_s)

    async def _watch(self, name: WorkerId) -> None:
        """Until its process has ended; one that is silent for too long is killed."""
        worker = self._world.workers[name]
        gone = asyncio.Event()
        worker.process.on_end.append(gone.set)
        beats = self._world.profiles.beats
        started = self._world.loop.time()
        while worker.process.alive:
            try:
                async with asyncio.timeout(beats.beat_s):
                    await gone.wait()
            except TimeoutError:
                now = self._world.loop.time()
                heard_s = self._dispatch.heard_age_s(name)
                since = max(started, self._dispatch._presence.since)
                silent_s = now - since if heard_s is None else min(heard_s, now - since)
                limit = 10.0 if heard_s is None else beats.stale_s
                if silent_s >= max(limit, beats.beat_s):
                    self._world.count("silent worker killed")
                    worker.process.kill()
