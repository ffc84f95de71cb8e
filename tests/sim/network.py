"""The link, as far as it can go wrong.

A connection keeps the order of its frames. Frames are lost when it is cut, and when a
queue is full (then the sender knows: ``send`` is False, or a worker says the reliable
ones again). Frames of a connection that was replaced may arrive after the hello of
the next one. What is the first answer on a new connection finds its queue empty, and
so is not lost but with the connection.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from kanban_ipc import frames
from kanban_ipc.link import (
    Ack,
    Assign,
    Beat,
    DaemonMessage,
    HelloWanted,
    Refused,
    Welcome,
    WorkerMessage,
)
from sim.loop import NOBODY

if TYPE_CHECKING:
    from sim.daemon import SimDaemon
    from sim.worker import SimWorker
    from sim.world import World

UNSENT_MAX = 1_000
"""Frames that wait for a worker which does not read."""
_FIRST_WORDS = Welcome | HelloWanted | Refused


class Connection:
    """Of one start of a worker with one daemon."""

    def __init__(self, net: "Network", worker: "SimWorker", to: "SimDaemon") -> None:
        self.worker = worker
        self.daemon = to
        self.peer = worker.peer
        self.alive = True
        self.unread = 0
        self._net = net
        self._up_at = 0.0
        self._down_at = 0.0

    def say(self, message: WorkerMessage) -> bool:
        """From the worker. False: it was lost in a full queue."""
        net = self._net
        if net.chance("lost"):
            net.fault("message lost", message)
            return False
        data = frames.join([frames.encode(message)])
        self._up_at = max(self._up_at, net.arrival())
        net.at(self._up_at, lambda: self._arrive_up(data))
        return True

    def tell(self, messages: Sequence[DaemonMessage]) -> bool:
        """From the daemon."""
        net = self._net
        sent = True
        for message in messages:
            full = self.unread >= UNSENT_MAX or net.chance("lost")
            if full and not isinstance(message, _FIRST_WORDS):
                net.fault("message lost", message)
                sent = False
                break
            data = frames.join([frames.encode(message)])
            self._down_at = max(self._down_at, net.arrival())
            self.unread += 1
            self.worker.process.at(self._down_at, self._read, data)
        return sent

    def cut(self) -> None:
        """Both ends notice; what was on its way is lost, or late."""
        if not self.alive:
            return
        self.alive = False
        if self._net.of_peer.get(self.peer) is self:
            del self._net.of_peer[self.peer]
        self.worker.process.call(self.worker.disconnected, self)

    def _arrive_up(self, data: bytes) -> None:
        if not self.alive:
            if not self._net.chance("survives_cut"):
                self._net.fault("frame lost with its connection")
                return
            self._net.fault("frame later than its connection")
        self.daemon.incoming(self.peer, data)

    def _read(self, data: bytes) -> None:
        self.unread -= 1
        if self.alive:
            for message in frames.from_daemon(data):
                self.worker.received(message)
        else:
            self._net.fault("frame lost with its connection")


class Network:
    """Who is connected with the daemon of the moment."""

    def __init__(self, world: "World") -> None:
        self.of_peer: dict[bytes, Connection] = {}
        self._world = world
        self._listener: SimDaemon | None = None
        self._callers: deque[SimWorker] = deque()
        self._rng = world.rng("network")

    def listen(self, daemon: "SimDaemon") -> None:
        self._listener = daemon
        daemon.process.on_end.append(lambda: self._closed(daemon))
        callers, self._callers = self._callers, deque()
        for worker in callers:
            worker.process.later(self._rng.uniform(0.0, 1.0), self.call, worker)

    def call(self, worker: "SimWorker") -> None:
        """A worker connects, now or when there is a daemon."""
        daemon = self._listener
        if daemon is None or not daemon.process.alive:
            self._callers.append(worker)
            return
        if worker.connection is not None and worker.connection.alive:
            return
        connection = Connection(self, worker, daemon)
        self.of_peer[worker.peer] = connection
        worker.process.on_end.append(connection.cut)
        worker.connected(connection)

    def send(self, peer: bytes, messages: Sequence[DaemonMessage]) -> bool:
        """Implements ``post.Sender``."""
        for message in messages:
            if isinstance(message, Assign | Ack):
                self._world.watch.said(peer, message)
            if not isinstance(message, Beat):
                self._world.trace("says", type(message).__name__, peer)
        connection = self.of_peer.get(peer)
        return connection is not None and connection.tell(messages)

    def _closed(self, daemon: "SimDaemon") -> None:
        for connection in list(self.of_peer.values()):
            if connection.daemon is daemon:
                connection.cut()

    # ------------------------------------------------------------------- chances

    def arrival(self) -> float:
        """When a frame that leaves now is there."""
        world = self._world
        delay_s = world.swarm.latency_s
        if self.chance("late"):
            delay_s += self._rng.uniform(0.0, world.swarm.late_s)
            self.fault("message late")
        return world.loop.time() + delay_s

    def at(self, when: float, callback: Callable[[], None]) -> None:
        self._world.loop.call_at(when, callback, context=NOBODY)

    def chance(self, name: str) -> bool:
        chance: float = getattr(self._world.swarm, name)
        return chance > 0 and self._rng.random() < chance

    def fault(self, what: str, message: object = None) -> None:
        self._world.fault(what, type(message).__name__ if message else "")
