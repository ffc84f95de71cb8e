"""The spawner: forks workers on request, and outlives who asked.

Theory. One thread, one selector, no event loop: nothing here may keep a fork from
being a plain copy. It imports all that a worker needs and freezes the heap, so that a
worker costs a fork (milliseconds) and shares almost every page. As the workers' parent
it alone learns how they end, and keeps that until the daemon has collected it; as their
subreaper it also buries the orphans they leave (shims), so that nothing is ever a
zombie. Workers do not notice its death; the daemon starts another.

Decided here: when it leaves and what signals mean.

* SIGTERM, SIGINT, ``Leave``: fork no more and go once the last worker has. ``Leave``
  keeps the connection, so that the daemon hears of each end; a signal closes lock,
  socket and connection at once, so that a successor may begin.
* SIGHUP: ignored, there is no terminal and no configuration.
* No daemon and no child for ``--idle-s``: go (with ends that nobody has collected:
  after ``--keep-s``).

Workers are never signalled from here: to stop them is the daemon's decision, or the
service manager's, which signals every process itself. Absent: restarts, backoff, the
meaning of an exit; they are the daemon's.
"""

import argparse
import contextlib
import ctypes
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kanban_ipc import layout
from kanban_ipc.errors import PeerError
from kanban_ipc.link import ProcessId
from kanban_ipc.spawning import (
    Collected,
    FromSpawner,
    Leave,
    Spawn,
    Spawned,
    SpawnFailed,
    to_spawner,
)
from kanban_ipc.version import VERSION
from kanban_worker.shell.children import Children
from kanban_worker.shell.doorway import (
    Connection,
    Occupied,
    listen,
    may_connect,
    take_lock,
)
from kanban_worker.shell.forked import Worker, become_worker
from kanban_worker.shell.identity import process_id
from kanban_worker.shell.warmth import warmed

EXIT_OCCUPIED: Final = 100
"""A restart cannot help; the units name it in RestartPreventExitStatus."""
WORKER: Final = "kanban_worker.shell.worker:run_worker"
_PR_SET_CHILD_SUBREAPER: Final = 36
"""linux/prctl.h."""
_SIGNALS: Final = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT)


class Spawner:
    """The loop and what it watches."""

    def __init__(
        self, lock: int, socket_path: Path, worker: Worker, idle_s: float, keep_s: float
    ) -> None:
        """Listen. ``lock``: the held descriptor, owned by this object from now on."""
        self._lock = lock
        self._socket_path = socket_path
        self._worker = worker
        self._idle_s = idle_s
        self._keep_s = keep_s
        self._process = _must(process_id(os.getpid()))
        self._children = Children()
        self._connection: Connection | None = None
        self._leaving = False
        self._alone_since = time.monotonic()
        self._selector = selectors.DefaultSelector()
        self._listener = listen(socket_path)
        self._wakeup, self._wakeup_sender = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        for number in _SIGNALS:
            signal.signal(number, lambda *_: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.set_wakeup_fd(self._wakeup_sender, warn_on_full_buffer=False)

    def serve(self) -> None:
        """Work until there is a reason to leave."""
        while not self._may_leave():
            for key, mask in self._selector.select(self._patience_s()):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fd == self._wakeup:
                    self._on_signals(os.read(self._wakeup, 4096))
                elif self._connection is not None:
                    self._converse(self._connection, mask)
        self._close_doors()

    # ------------------------------------------------------------------- leaving

    def _may_leave(self) -> bool:
        if self._leaving:
            return not len(self._children)
        return self._time_left_s() == 0.0

    def _time_left_s(self) -> float | None:
        """Seconds until it goes unasked; None: there is a reason to stay."""
        if self._connection is not None or len(self._children):
            self._alone_since = time.monotonic()
            return None
        keep_s = self._idle_s if self._children.nothing_to_keep else self._keep_s
        left_s = max(0.0, self._alone_since + keep_s - time.monotonic())
        if left_s == 0.0 and _has_child():
            # An orphaned shim: it is ours to bury.
            self._alone_since = time.monotonic()
            return keep_s
        return left_s

    def _patience_s(self) -> float | None:
        return None if self._leaving else self._time_left_s()

    def _close_doors(self) -> None:
        """Give up socket and lock; the connection too. May be called twice."""
        self._hang_up()
        if self._lock < 0:
            return
        self._selector.unregister(self._listener)
        self._listener.close()
        self._socket_path.unlink(missing_ok=True)
        os.close(self._lock)
        self._lock = -1

    # ------------------------------------------------------------------- signals

    def _on_signals(self, numbers: bytes) -> None:
        self._reap()
        if signal.SIGTERM in numbers or signal.SIGINT in numbers:
            self._leaving = True
            self._close_doors()

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            end = self._children.died(
                pid, code if code >= 0 else None, -code if code < 0 else None
            )
            if end is not None:
                self._say(end)

    # -------------------------------------------------------------- conversation

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            # The daemon has given up already, or descriptors are short: it comes again.
            return
        if not may_connect(sock):
            sock.close()
            return
        sock.setblocking(False)
        self._hang_up()
        # What has ended by now is told as ended, not as living.
        self._reap()
        self._connection = Connection(sock)
        self._selector.register(sock, selectors.EVENT_READ)
        self._say(self._children.ready(self._process, VERSION))
        for end in self._children.ends:
            self._say(end)

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._selector.unregister(self._connection.sock)
            self._connection.close()
            self._connection = None
            self._alone_since = time.monotonic()

    def _say(self, message: FromSpawner) -> None:
        if self._connection is None:
            return
        try:
            self._connection.send(message)
        except OSError:
            self._hang_up()
            return
        self._watch_connection(self._connection)

    def _watch_connection(self, connection: Connection) -> None:
        events = selectors.EVENT_READ
        if connection.waiting:
            events |= selectors.EVENT_WRITE
        self._selector.modify(connection.sock, events)

    def _converse(self, connection: Connection, mask: int) -> None:
        try:
            if mask & selectors.EVENT_WRITE:
                connection.flush()
                self._watch_connection(connection)
            while self._connection is connection:
                packet = connection.receive()
                if packet is None:
                    return
                self._on_packet(*packet)
        except (OSError, PeerError) as error:
            print(f"spawner: connection dropped: {error}", file=sys.stderr)  # noqa: T201
            if self._connection is connection:
                self._hang_up()

    def _on_packet(self, data: bytes, descriptors: list[int]) -> None:
        try:
            match to_spawner(data):
                case Spawn() as wish:
                    self._say(self._spawn(wish, descriptors))
                case Collected(incarnation=incarnation):
                    self._children.collected(incarnation)
                case Leave():
                    self._leaving = True
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    # ------------------------------------------------------------------- forking

    def _spawn(self, wish: Spawn, descriptors: list[int]) -> FromSpawner:
        known = self._children.answer_without_fork(wish)
        if known is not None:
            return known
        if self._leaving:
            return _failed(wish, "the spawner is leaving; the daemon starts another")
        if len(descriptors) != 1:
            return _failed(wish, "the descriptor with the worker's secret is missing")
        # A signal to the child before it has its own handlers would be written into
        # the wakeup pipe that it shares with us.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            pid = os.fork()
            if pid == 0:
                become_worker(wish, descriptors[0], self._worker, self._let_go)
        except OSError as error:
            return _failed(wish, f"fork: {error.strerror}; see ulimit -u and memory")
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        # It cannot be gone: nobody but us reaps it, and we do so later.
        child = Spawned(
            worker_id=wish.worker_id,
            incarnation=wish.incarnation,
            process=_must(process_id(pid)),
        )
        self._children.born(child)
        return child

    def _let_go(self) -> None:
        """In the child: close what owns a descriptor; the rest is closed by number."""
        self._selector.close()
        self._listener.close()
        if self._connection is not None:
            self._connection.close()


def main(argv: Sequence[str]) -> int:
    """Run the spawner with these arguments; return its exit code."""
    options = _arguments(argv)
    os.chdir("/")
    state_dir = Path(options.state_dir)
    try:
        lock = take_lock(state_dir, _must(process_id(os.getpid())))
    except Occupied as error:
        print(f"spawner: {error}", file=sys.stderr)  # noqa: T201 - its log
        return EXIT_OCCUPIED
    _become_subreaper()
    worker = warmed(options.worker)
    socket_path = Path(options.runtime_dir) / layout.SPAWNER_SOCKET
    spawner = Spawner(lock, socket_path, worker, options.idle_s, options.keep_s)
    _tell_ready(options.ready_fd)
    spawner.serve()
    return 0


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "kanban-worker --spawner", description="fork workers"
    )
    parser.add_argument(
        "--runtime-dir", required=True, help="where spawner.sock is made"
    )
    parser.add_argument("--state-dir", required=True, help="where spawner.lock is held")
    parser.add_argument("--idle-s", type=float, default=60.0, help="alone: leave after")
    parser.add_argument(
        "--keep-s", type=float, default=600.0, help="with exits to tell"
    )
    parser.add_argument(
        "--ready-fd", type=int, default=-1, help="closed when listening"
    )
    parser.add_argument("--worker", default=WORKER, help="module:function of a worker")
    return parser.parse_args(argv)


def _become_subreaper() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def _tell_ready(descriptor: int) -> None:
    """By a byte on a pipe (as s6's notification-fd) and to systemd: sd_notify(3)."""
    if descriptor >= 0:
        # Who asked may have died since; the next one will find the socket.
        with contextlib.suppress(BrokenPipeError):
            os.write(descriptor, b"\n")
        os.close(descriptor)
    address = os.environ.pop("NOTIFY_SOCKET", "")
    if address:
        _notify_systemd(address)


def _notify_systemd(address: str) -> None:
    """READY=1; a name that begins with @ is an abstract one."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.sendto(b"READY=1", address.replace("@", "\0", 1))


def _has_child() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _failed(wish: Spawn, reason: str) -> SpawnFailed:
    return SpawnFailed(
        worker_id=wish.worker_id, incarnation=wish.incarnation, reason=reason
    )


def _must(process: ProcessId | None) -> ProcessId:
    assert process is not None, "our own child or ourselves, not reaped"
    return process


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
