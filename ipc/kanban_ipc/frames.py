"""Link messages to bytes and back: one door, one error.

A *frame* is an array of messages, 1 to ``LINK_MESSAGES_MAX`` of them: what is said in
one turn of a loop travels together, since ZeroMQ's work is by the frame. Encoding is
MessagePack, each message an array with its tag first: appended fields with defaults
are compatible both ways, unknown trailing fields are ignored, an unknown tag is a
``PeerError``. A frame is taken whole or not at all.
"""

from collections import deque
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec

from kanban_ipc.bounds import (
    LINK_FRAME_BYTES_MAX,
    LINK_MESSAGE_BYTES_MAX,
    LINK_MESSAGES_MAX,
)
from kanban_ipc.errors import PeerError, ProtocolBug
from kanban_ipc.link import DaemonMessage, WorkerMessage

_COUNT: Final = msgspec.Meta(min_length=1, max_length=LINK_MESSAGES_MAX)
_ENCODER: Final = msgspec.msgpack.Encoder()
_FROM_WORKER: Final[msgspec.msgpack.Decoder[list[WorkerMessage]]] = (
    msgspec.msgpack.Decoder(Annotated[list[WorkerMessage], _COUNT])
)
_FROM_DAEMON: Final[msgspec.msgpack.Decoder[list[DaemonMessage]]] = (
    msgspec.msgpack.Decoder(Annotated[list[DaemonMessage], _COUNT])
)
_ARRAY_16: Final = b"\xdc"
"""Source: the MessagePack specification, array format family."""


def encode(message: WorkerMessage | DaemonMessage) -> bytes:
    """One message. Raises ``ProtocolBug`` when it would be over the bound."""
    data = _ENCODER.encode(message)
    if len(data) > LINK_MESSAGE_BYTES_MAX:
        raise ProtocolBug(
            f"{type(message).__name__} is {len(data)} bytes, over the link's "
            f"{LINK_MESSAGE_BYTES_MAX}; bound its texts before sending it",
        )
    return data


def take(waiting: deque[bytes]) -> list[bytes]:
    """Remove as many encoded messages from the left as fit into one frame."""
    taken, size = [waiting.popleft()], 0
    while waiting and len(taken) < LINK_MESSAGES_MAX:
        size += len(taken[-1])
        if size + len(waiting[0]) > LINK_MESSAGE_BYTES_MAX:
            break
        taken.append(waiting.popleft())
    return taken


def join(encoded: Sequence[bytes]) -> bytes:
    """One frame of what ``take`` has taken."""
    return b"".join((_ARRAY_16, len(encoded).to_bytes(2, "big"), *encoded))


def from_worker(frame: bytes) -> list[WorkerMessage]:
    """What a worker sent. Raises ``PeerError``."""
    _check_size(frame)
    try:
        return _FROM_WORKER.decode(frame)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PeerError(f"no messages of a worker: {error}") from error


def from_daemon(frame: bytes) -> list[DaemonMessage]:
    """What the daemon sent. Raises ``PeerError``."""
    _check_size(frame)
    try:
        return _FROM_DAEMON.decode(frame)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PeerError(f"no messages of the daemon: {error}") from error


def _check_size(frame: bytes) -> None:
    if len(frame) > LINK_FRAME_BYTES_MAX:
        raise PeerError(
            f"a frame of {len(frame)} bytes is over the link's {LINK_FRAME_BYTES_MAX}",
        )
