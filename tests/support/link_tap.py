"""A tap in the link: between the workers and the daemon, on the daemon's own socket.

The daemon's socket file is moved aside and the tap binds its place, so workers that
start from then on speak through it. What the tap injects reaches the daemon on the
worker's own connection, after its own ``Hello`` with its own secret: as near to a
hostile worker as one can come.
"""

import threading
from pathlib import Path

import zmq

from kanban_ipc import frames, layout
from kanban_ipc.link import DaemonMessage, WorkerMessage


class LinkTap:
    """Passes everything on, keeps what it saw, and can speak for a worker."""

    def __init__(self, runtime: Path) -> None:
        """``runtime``: of a daemon without any worker yet."""
        link = runtime / layout.LINK_SOCKET
        self._daemon = runtime / "daemon-link.sock"
        link.rename(self._daemon)
        self.said: list[WorkerMessage] = []
        self.heard: list[DaemonMessage] = []
        self._context = zmq.Context()
        self._front = self._context.socket(zmq.ROUTER)
        self._front.bind(f"ipc://{link}")
        self._orders = self._context.socket(zmq.PAIR)
        self._orders.bind("inproc://orders")
        # Should the thread have died, nobody takes orders any more.
        self._orders.setsockopt(zmq.SNDTIMEO, 10_000)
        self._backs: dict[bytes, zmq.Socket[bytes]] = {}
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._pass_on, daemon=True)
        self._thread.start()

    def inject(self, message: WorkerMessage) -> None:
        """Say it to the daemon as the worker that spoke first."""
        self._orders.send(frames.join([frames.encode(message)]))

    def await_heard(self, kind: type[DaemonMessage], count: int = 1) -> None:
        """Until the daemon has said so many of the kind. Raises ``TimeoutError``."""

        def enough() -> bool:
            return sum(isinstance(message, kind) for message in self.heard) >= count

        with self._changed:
            if not self._changed.wait_for(enough, timeout=15):
                raise TimeoutError(f"the daemon never said {kind.__name__}")

    def close(self) -> None:
        """Stop; the workers' connections end here."""
        if self._thread.is_alive():
            self._orders.send(b"")
            self._thread.join(10)
        assert not self._thread.is_alive(), "the tap does not end"
        self._orders.close(0)
        self._context.destroy(0)

    def _pass_on(self) -> None:
        orders = self._context.socket(zmq.PAIR)
        orders.connect("inproc://orders")
        poller = zmq.Poller()
        poller.register(self._front, zmq.POLLIN)
        poller.register(orders, zmq.POLLIN)
        while True:
            for socket, _ in poller.poll():
                if socket is orders:
                    order = orders.recv()
                    if not order:
                        orders.close(0)
                        return
                    next(iter(self._backs.values())).send(order)
                elif socket is self._front:
                    self._from_worker(poller)
                else:
                    self._from_daemon(socket)

    def _from_worker(self, poller: zmq.Poller) -> None:
        who, frame = self._front.recv_multipart()
        if who not in self._backs:
            back = self._context.socket(zmq.DEALER)
            back.setsockopt(zmq.ROUTING_ID, who)
            back.connect(f"ipc://{self._daemon}")
            poller.register(back, zmq.POLLIN)
            self._backs[who] = back
        with self._changed:
            self.said += frames.from_worker(frame)
            self._changed.notify_all()
        self._backs[who].send(frame)

    def _from_daemon(self, socket: "zmq.Socket[bytes]") -> None:
        frame = socket.recv()
        who = next(who for who, back in self._backs.items() if back is socket)
        self._front.send_multipart([who, frame])
        with self._changed:
            self.heard += frames.from_daemon(frame)
            self._changed.notify_all()
