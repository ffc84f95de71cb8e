"""A scripted Varlink server: a real Unix socket, the project's own codec, no daemon.

``answers`` maps a method's short name to what is sent back: bytes (already encoded)
or a function of the call's parameters that gives them. Several messages in a row are a
stream. ``HANG`` answers nothing; ``CLOSE`` hangs up.
"""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from kanban_ipc import varlink
from kanban_ipc.bounds import CONTROL_REQUEST_BYTES_MAX
from kanban_ipc.control import INTERFACE, Data

HANG = b"<hang>"
CLOSE = b"<close>"
Answer = bytes | Callable[[dict[str, Any]], bytes]


class VarlinkServer:
    """Serves until it is closed; ``calls`` are (method, parameters, more), in order."""

    def __init__(self, path: Path, answers: Mapping[str, Answer]) -> None:
        self.path = path
        self.calls: list[tuple[str, dict[str, Any], bool]] = []
        self._answers = answers
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen()
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        # A shutdown wakes whoever waits on the socket; a close would not.
        for one in (self._listener, *self._connections):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=10)
            assert not thread.is_alive()
        self._listener.close()
        self.path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while True:
            try:
                connection = self._listener.accept()[0]
            except OSError:
                return
            self._connections.append(connection)
            thread = threading.Thread(
                target=self._serve, args=[connection], daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        splitter = varlink.Splitter(CONTROL_REQUEST_BYTES_MAX)
        with connection:
            try:
                while data := connection.recv(1 << 16):
                    for message in splitter.feed(data):
                        if not self._answer(connection, message):
                            return
            except OSError:
                return

    def _answer(self, connection: socket.socket, message: bytes) -> bool:
        request = varlink.parse_request(message)
        parameters = msgspec.json.decode(request.parameters)
        self.calls.append((request.name, parameters, request.more))
        answer = self._answers[request.name]
        encoded = answer if isinstance(answer, bytes) else answer(parameters)
        if encoded == HANG:
            return True
        is_last = encoded.endswith(CLOSE)
        connection.sendall(encoded.removesuffix(CLOSE))
        return not is_last


@contextmanager
def serving(path: Path, answers: Mapping[str, Answer]) -> Iterator[VarlinkServer]:
    """A server at ``path`` for the length of a ``with``."""
    server = VarlinkServer(path, answers)
    try:
        yield server
    finally:
        server.close()


def refusing(error: Data) -> bytes:
    """An error reply of the interface."""
    return varlink.error(f"{INTERFACE}.{type(error).__name__}", error)
