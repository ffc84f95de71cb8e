"""What the daemon and the spawner say to each other.

Theory. The spawner listens on a SOCK_SEQPACKET Unix socket, one message per packet,
one daemon at a time (a new connection replaces the old). It forks workers on
``Spawn``, which carries one descriptor (SCM_RIGHTS): a memfd with the worker's
secret. It outlives the daemon: an exit it saw is kept and told as ``Exited`` on every
new connection until the daemon has said ``Collected``. With no daemon, no worker and
nothing to collect for a minute it leaves; an end that nobody collects keeps it for ten.
"""

from typing import TypeAlias

import msgspec

from kanban_ipc.bounds import SPAWNER_MESSAGE_BYTES_MAX
from kanban_ipc.errors import PeerError, ProtocolBug
from kanban_ipc.link import ProcessId
from kanban_ipc.words import UnitScope, WorkerId


class SpawnMessage(msgspec.Struct, frozen=True, tag=True):
    """Base of everything on the spawner's socket."""


class Spawn(SpawnMessage, frozen=True):
    worker_id: WorkerId
    incarnation: str
    state_dir: str
    link_endpoint: str
    slots: int
    log_path: str
    """The worker's stdout and stderr are appended here."""
    run_scope: UnitScope = ""


class Collected(SpawnMessage, frozen=True):
    worker_id: WorkerId
    incarnation: str


class Leave(SpawnMessage, frozen=True):
    """Exit once the last worker has: the daemon shuts down or replaces the spawner."""


class Ready(SpawnMessage, frozen=True):
    """First message of the spawner on a connection."""

    process: ProcessId
    program_version: str
    workers: tuple[tuple[WorkerId, str, int], ...]
    """(worker, incarnation, pid) of the children that live."""
    exits: int = 0
    """So many kept ``Exited`` follow at once, before anything else."""


class Spawned(SpawnMessage, frozen=True):
    worker_id: WorkerId
    incarnation: str
    process: ProcessId


class SpawnFailed(SpawnMessage, frozen=True):
    worker_id: WorkerId
    incarnation: str
    reason: str


class Exited(SpawnMessage, frozen=True):
    worker_id: WorkerId
    incarnation: str
    process: ProcessId
    exit_code: int | None
    signal: int | None
    """Exactly one of the two is set."""


ToSpawner: TypeAlias = Spawn | Collected | Leave
FromSpawner: TypeAlias = Ready | Spawned | SpawnFailed | Exited

_ENCODER = msgspec.msgpack.Encoder()
_TO: msgspec.msgpack.Decoder[ToSpawner] = msgspec.msgpack.Decoder(ToSpawner)
_FROM: msgspec.msgpack.Decoder[FromSpawner] = msgspec.msgpack.Decoder(FromSpawner)


def encode(message: ToSpawner | FromSpawner) -> bytes:
    """One packet. Raises ``ProtocolBug`` over the bound."""
    data = _ENCODER.encode(message)
    if len(data) > SPAWNER_MESSAGE_BYTES_MAX:
        raise ProtocolBug(f"{type(message).__name__} of {len(data)} bytes")
    return data


def to_spawner(packet: bytes) -> ToSpawner:
    """What the daemon sent. Raises ``PeerError``."""
    try:
        return _TO.decode(packet)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PeerError(f"not a message to the spawner: {error}") from error


def from_spawner(packet: bytes) -> FromSpawner:
    """What the spawner sent. Raises ``PeerError``."""
    try:
        return _FROM.decode(packet)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PeerError(f"not a message of the spawner: {error}") from error
