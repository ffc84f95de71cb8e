"""A real spawner and a blocking end of its socket."""

import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TypeVar

from kanban_ipc import layout
from kanban_ipc.bounds import SPAWNER_MESSAGE_BYTES_MAX
from kanban_ipc.spawning import (
    FromSpawner,
    Ready,
    Spawn,
    Spawned,
    SpawnMessage,
    ToSpawner,
    encode,
    from_spawner,
)
from kanban_ipc.words import WorkerId
from support import traces

M = TypeVar("M", bound=SpawnMessage)
PATIENCE_S = 15.0


class SpawnerProcess:
    """One spawner in a folder of its own."""

    def __init__(self, folder: Path, worker: str = "sits", *options: str) -> None:
        self.state = folder / "s"
        self.runtime = folder / "r"
        self.options = options
        self.worker = f"support.tiny_workers:{worker}"
        self.path = self.runtime / layout.SPAWNER_SOCKET
        self._processes: list[subprocess.Popen[bytes]] = []
        self._connections: list[socket.socket] = []
        self.start()

    def start(self) -> subprocess.Popen[bytes]:
        """Start one; return when it listens, or has ended."""
        reader, writer = os.pipe()
        places = ["--runtime-dir", str(self.runtime), "--state-dir", str(self.state)]
        tail = ["--worker", self.worker, "--ready-fd", str(writer), *self.options]
        process = subprocess.Popen(
            [sys.executable, "-m", "kanban_worker.spawner", *places, *tail],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=[writer],
        )
        os.close(writer)
        os.read(reader, 1)
        os.close(reader)
        self._processes.append(process)
        return process

    @property
    def process(self) -> subprocess.Popen[bytes]:
        return self._processes[0]

    def connect(self) -> "Daemon":
        """As the daemon does; a new connection replaces the old."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.connect(str(self.path))
        self._connections.append(sock)
        return Daemon(sock, self.state)

    def close(self) -> None:
        for sock in self._connections:
            sock.close()
        for process in self._processes:
            process.kill()
            process.wait(PATIENCE_S)
            if process.stderr is not None:
                process.stderr.close()
        traces.end_all((str(self.state),))


class Daemon:
    """The other end; every wait has a deadline."""

    def __init__(self, sock: socket.socket, state: Path) -> None:
        self.sock = sock
        self._state = state

    def send(self, message: ToSpawner, *descriptors: int) -> None:
        socket.send_fds(self.sock, [encode(message)], list(descriptors))

    def spawn(self, incarnation: str, worker_id: str = "worker-1") -> None:
        """Ask for one; its secret is ``secret of <incarnation>``."""
        descriptor = os.memfd_create("secret")
        os.write(descriptor, f"secret-of-{incarnation}".encode())
        self.send(
            Spawn(
                worker_id=WorkerId(worker_id),
                incarnation=incarnation,
                state_dir=str(self._state),
                link_endpoint="ipc:///nowhere",
                slots=1,
                log_path=str(self.log(worker_id)),
            ),
            descriptor,
        )
        os.close(descriptor)

    def log(self, worker_id: str = "worker-1") -> Path:
        return self._state / "logs" / f"{worker_id}.log"

    def expect(self, kind: type[M]) -> M:
        """The next message, which is of this kind."""
        message = self.receive()
        assert isinstance(message, kind), message
        return message

    def receive(self) -> FromSpawner:
        assert self.readable(), "nothing comes from the spawner"
        packet = self.sock.recv(SPAWNER_MESSAGE_BYTES_MAX)
        assert packet, "the spawner has closed the connection"
        return from_spawner(packet)

    def closed(self) -> bool:
        """Whether the spawner hangs up."""
        assert self.readable(), "it does not"
        return self.sock.recv(1) == b""

    def readable(self) -> bool:
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return bool(poll.poll(PATIENCE_S * 1000))

    def started(self, incarnation: str, worker_id: str = "worker-1") -> Spawned:
        """Greet, ask for one and wait until it runs."""
        self.expect(Ready)
        self.spawn(incarnation, worker_id)
        return self.expect(Spawned)


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """End a process and see it gone (a zombie counts as gone)."""
    os.kill(pid, number)
    assert traces.await_end(pid)
