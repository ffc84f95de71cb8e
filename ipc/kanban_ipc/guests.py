"""What a worker that the daemon did not start must know to join it.

Theory. The daemon leaves a *pass* in its runtime directory (``layout.WORKER_JOIN``,
mode 0600): where the link is, where runs are kept, and a secret. Whoever can read it
has the daemon's own account, and that is the whole permission. The secret is said in
``Hello``; beside it the worker must hold the lock of the id that it names, so that one
id is never two processes.

Absent: the file itself (each program opens it its own way).
"""

from typing import Literal

import msgspec

from kanban_ipc.errors import PeerError

VERSION = 1


class Pass(msgspec.Struct, frozen=True, kw_only=True):
    """The file's content, as JSON."""

    version: int = VERSION
    mode: Literal["managed", "standalone", "inline"]
    """Of the daemon: beside managed workers ``worker-N`` is not a free name."""
    link: str
    """ZeroMQ's notation."""
    state_dir: str
    slots: int
    """Of a worker that is not told another number."""
    secret: str


def encode(own: Pass) -> bytes:
    """The file's bytes."""
    return msgspec.json.format(msgspec.json.encode(own), indent=2) + b"\n"


def decode(data: bytes) -> Pass:
    """What a file says. Raises ``PeerError``."""
    try:
        found = msgspec.json.decode(data, type=Pass)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PeerError(f"not a pass for workers: {error}") from error
    if found.version != VERSION:
        raise PeerError(f"a pass of version {found.version}; this one reads {VERSION}")
    return found
