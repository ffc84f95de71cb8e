"""Link messages to bytes and back: one door, one error.

Encoding is MessagePack, each struct an array with its tag first: appended
fields with defaults are compatible both ways, unknown trailing fields are
ignored, an unknown tag is a ``PeerError``.
"""

from typing import Final

import msgspec

from kanban_ipc.bounds import LINK_FRAME_BYTES_MAX
from kanban_ipc.errors import PeerError, ProtocolBug
from kanban_ipc.link import DaemonMessage, WorkerMessage

_ENCODER: Final = msgspec.msgpack.Encoder()
_FROM_WORKER: Final[msgspec.msgpack.Decoder[WorkerMessage]] = msgspec.msgpack.Decoder(
    WorkerMessage
)
_FROM_DAEMON: Final[msgspec.msgpack.Decoder[DaemonMessage]] = msgspec.msgpack.Decoder(
    DaemonMessage
)


def encode(message: WorkerMessage | DaemonMessage) -> bytes:
    """One frame. Raises ``ProtocolBug`` when it would be over the bound."""
    data = _ENCODER.encode(message)
    if len(data) > LINK_FRAME_BYTES_MAX:
        raise ProtocolBug(
            f"{type(message).__name__} is {len(data)} bytes, over the link's "
            f"{LINK_FRAME_BYTES_MAX}; bound its texts before sending it",
        )
    return data


def from_worker(frame: bytes) -> WorkerMessage:
    """What a worker sent. Raises ``PeerError``."""
    _check_size(frame)
    try:
        return _FROM_WORKER.decode(frame)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PeerError(f"not a worker's message: {error}") from error


def from_daemon(frame: bytes) -> DaemonMessage:
    """What the daemon sent. Raises ``PeerError``."""
    _check_size(frame)
    try:
        return _FROM_DAEMON.decode(frame)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PeerError(f"not a daemon's message: {error}") from error


def _check_size(frame: bytes) -> None:
    if len(frame) > LINK_FRAME_BYTES_MAX:
        raise PeerError(
            f"a frame of {len(frame)} bytes is over the link's {LINK_FRAME_BYTES_MAX}",
        )
