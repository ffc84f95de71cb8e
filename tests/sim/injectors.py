"""Faults that come by themselves, at the swarm's rates, until the world is healed."""

import asyncio
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.world import World

HOUR_S = 3_600.0


class Injectors:
    """One task for each kind of fault that the swarm has."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._rng = world.rng("injectors")

    def begin(self) -> None:
        deeds: dict[str, Callable[[random.Random], None]] = {
            "daemon_kills": self._kill_daemon,
            "daemon_stalls": self._stall_daemon,
            "worker_kills": self._kill_worker,
            "worker_stalls": self._stall_worker,
            "worker_terms": self._term_worker,
            "shim_kills": self._kill_shim,
            "agent_kills": self._kill_agent,
            "host_crashes": self._crash_host,
            "cuts": self._cut,
            "clock_jumps": self._jump,
            "suspends": self._suspend,
            "disk_fills": self._fill,
        }
        for name, deed in deeds.items():
            rate: float = getattr(self._world.swarm, name)
            if rate:
                self._world.spawn(self._now_and_then(name, rate, deed))

    async def _now_and_then(
        self, name: str, rate: float, deed: Callable[[random.Random], None]
    ) -> None:
        rng = self._world.rng(name)
        while True:
            await asyncio.sleep(rng.expovariate(rate / HOUR_S))
            if self._world.healed:
                return
            deed(rng)

    def _kill_daemon(self, _rng: random.Random) -> None:
        daemon = self._world.daemon
        if daemon is not None and daemon.process.alive:
            self._world.fault("daemon killed")
            daemon.process.kill()

    def _stall_daemon(self, rng: random.Random) -> None:
        daemon = self._world.daemon
        if daemon is not None and daemon.process.alive:
            self._world.fault("daemon stopped for a while")
            daemon.process.stop()
            seconds = rng.choice((1.0, 10.0, 100.0, 1_000.0)) * rng.random()
            self._world.later(seconds, daemon.process.go_on)

    def _kill_worker(self, rng: random.Random) -> None:
        alive = [each for each in self._world.workers.values() if each.process.alive]
        if alive:
            self._world.fault("worker killed")
            rng.choice(alive).process.kill()

    def _stall_worker(self, rng: random.Random) -> None:
        alive = [each for each in self._world.workers.values() if each.process.alive]
        if alive:
            self._world.fault("worker stopped for a while")
            process = rng.choice(alive).process
            process.stop()
            seconds = rng.choice((1.0, 10.0, 100.0, 1_000.0)) * rng.random()
            self._world.later(seconds, process.go_on)

    def _term_worker(self, rng: random.Random) -> None:
        alive = [each for each in self._world.workers.values() if each.process.alive]
        if alive:
            self._world.fault("worker asked to leave by a stranger")
            rng.choice(alive).terminate()

    def _kill_shim(self, rng: random.Random) -> None:
        if alive := self._world.live_shims():
            self._world.fault("shim killed")
            rng.choice(alive).process.kill()

    def _kill_agent(self, rng: random.Random) -> None:
        if alive := self._world.live_shims():
            self._world.fault("agent killed")
            rng.choice(alive).kill_agent()

    def _crash_host(self, rng: random.Random) -> None:
        self._world.fault("host crashed")
        self._world.crash_host(rng.uniform(5.0, 600.0))

    def _cut(self, rng: random.Random) -> None:
        if connections := list(self._world.net.of_peer.values()):
            self._world.fault("connection cut")
            rng.choice(connections).cut()

    def _jump(self, rng: random.Random) -> None:
        self._world.fault("wall clock jumped")
        by_s = rng.choice((-86_400.0, -3_600.0, -60.0, -1.0, 1.0, 60.0, 3_600.0))
        self._world.clock.jump(by_s * rng.random())

    def _suspend(self, rng: random.Random) -> None:
        """CLOCK_MONOTONIC stands still meanwhile: to us the wall clock jumps."""
        self._world.fault("machine suspended")
        self._world.clock.jump(rng.uniform(60.0, 8 * HOUR_S))

    def _fill(self, rng: random.Random) -> None:
        world = self._world
        if world.disk.full:
            return
        world.fault("disk full")
        world.disk.fill()
        world.later(rng.choice((2.0, 60.0, 600.0)), world.disk.free)
