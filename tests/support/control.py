"""A blocking client of the control socket, typed by the contract's structs."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from kanban_ipc import varlink
from kanban_ipc.control import INTERFACE, METHODS, Call, Reply

R = TypeVar("R", bound=Reply)

_NAME_OF = {method.call: name for name, method in METHODS.items()}


class CallFailed(Exception):
    """The daemon answered with an error."""

    def __init__(self, error: str, parameters: dict[str, object]) -> None:
        super().__init__(f"{error}: {parameters.get('message', parameters)}")
        self.error = error.rpartition(".")[2]
        self.message = str(parameters.get("message", ""))


def call(path: Path, wish: Call, reply: type[R], timeout_s: float = 60.0) -> R:
    """One call, one reply. Raises ``CallFailed``, ``OSError``, ``TimeoutError``."""
    with _connect(path, timeout_s) as link:
        link.sendall(varlink.request(f"{INTERFACE}.{_NAME_OF[type(wish)]}", wish))
        return next(_replies(link, reply))


def stream(path: Path, wish: Call, reply: type[R], timeout_s: float) -> Iterator[R]:
    """One call with ``more``; ends with the stream. ``timeout_s`` is per reply."""
    with _connect(path, timeout_s) as link:
        name = f"{INTERFACE}.{_NAME_OF[type(wish)]}"
        link.sendall(varlink.request(name, wish, more=True))
        yield from _replies(link, reply)


def _connect(path: Path, timeout_s: float) -> socket.socket:
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Without a timeout: a full queue of callers is then waited for, not an error.
        link.connect(str(path))
    except OSError:
        link.close()
        raise
    link.settimeout(timeout_s)
    return link


def _replies(link: socket.socket, reply: type[R]) -> Iterator[R]:
    splitter = varlink.Splitter(256 << 20)
    while data := link.recv(1 << 16):
        for message in splitter.feed(data):
            response = varlink.parse_response(message)
            if response.error is not None:
                details = msgspec.json.decode(response.parameters, type=dict)
                raise CallFailed(response.error, details)
            yield msgspec.json.decode(response.parameters, type=reply)
            if not response.continues:
                return
    raise ConnectionError("the daemon closed the connection before its reply")
