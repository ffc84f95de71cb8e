"""The link's codec and the spawner's: every message survives, no bytes harm."""

import itertools
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanban_ipc import frames, spawning
from kanban_ipc.bounds import (
    LINK_FRAME_BYTES_MAX,
    LINK_MESSAGE_BYTES_MAX,
    LINK_MESSAGES_MAX,
    SPAWNER_MESSAGE_BYTES_MAX,
)
from kanban_ipc.errors import PeerError, ProtocolBug
from kanban_ipc.link import Goodbye, Log
from support.wire_samples import (
    EPOCH,
    FROM_DAEMON,
    FROM_SPAWNER,
    FROM_WORKER,
    RUN,
    TO_SPAWNER,
    WORKER,
)

Decode = Callable[[bytes], Any]


def from_worker(message: bytes) -> Any:
    """One alone in its frame."""
    [only] = frames.from_worker(frames.join([message]))
    return only


def from_daemon(message: bytes) -> Any:
    """One alone in its frame."""
    [only] = frames.from_daemon(frames.join([message]))
    return only


LINK: list[tuple[Any, Decode]] = [
    *((message, from_worker) for message in FROM_WORKER),
    *((message, from_daemon) for message in FROM_DAEMON),
]
SPAWNER: list[tuple[Any, Decode]] = [
    *((message, spawning.to_spawner) for message in TO_SPAWNER),
    *((message, spawning.from_spawner) for message in FROM_SPAWNER),
]
DECODERS = [
    from_worker,
    from_daemon,
    frames.from_worker,
    frames.from_daemon,
    spawning.to_spawner,
    spawning.from_spawner,
]
NESTED = b"\x91" * 100_000 + b"\xc0"


@pytest.mark.parametrize(("message", "decode"), LINK)
def test_a_link_message_survives_its_frame(message: Any, decode: Decode) -> None:
    assert decode(frames.encode(message)) == message


@pytest.mark.parametrize(("message", "decode"), SPAWNER)
def test_a_spawner_message_survives_its_packet(message: Any, decode: Decode) -> None:
    assert decode(spawning.encode(message)) == message


@pytest.mark.parametrize(("message", "decode"), LINK)
def test_fields_that_a_newer_peer_appends_are_ignored(
    message: Any,
    decode: Decode,
) -> None:
    newer = [*msgspec.msgpack.decode(frames.encode(message)), "new", {"newer": 1}]
    assert decode(msgspec.msgpack.encode(newer)) == message


@pytest.mark.parametrize(("message", "decode"), SPAWNER)
def test_fields_that_a_newer_spawner_knows_are_ignored(
    message: Any,
    decode: Decode,
) -> None:
    newer = {**msgspec.msgpack.decode(spawning.encode(message)), "new": [1]}
    assert decode(msgspec.msgpack.encode(newer)) == message


def test_fields_that_an_older_peer_leaves_out_have_their_defaults() -> None:
    older = msgspec.msgpack.encode(["Heartbeat", 3])
    assert from_worker(older) == msgspec.convert(
        ["Heartbeat", 3, [], 0, 0],
        type(FROM_WORKER[1]),
    )


@pytest.mark.parametrize("decode", DECODERS)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\xc1",
        b"\x90",
        b"\xff" * 100,
        msgspec.msgpack.encode(["NoSuchMessage", 1]),
        msgspec.msgpack.encode({"type": "NoSuchMessage"}),
        msgspec.msgpack.encode([["Hello"]]),
        msgspec.msgpack.encode({"Hello": 1}),
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\x92\xa5Hello\xa2\xff\xfe",
        b"\x92\xa7Goodbye\xa1\xff",
        NESTED,
        b"\x92\xa5Hello" + NESTED,
    ],
)
def test_what_is_no_message_is_the_peers_fault(decode: Decode, data: bytes) -> None:
    with pytest.raises(PeerError):
        decode(data)


def test_each_side_refuses_what_only_the_other_may_say() -> None:
    for message in FROM_WORKER:
        with pytest.raises(PeerError):
            from_daemon(frames.encode(message))
    for answer in FROM_DAEMON:
        with pytest.raises(PeerError):
            from_worker(frames.encode(answer))


def test_a_frame_over_the_bound_is_refused_before_it_is_decoded() -> None:
    longest = b"\xc1" * LINK_FRAME_BYTES_MAX
    with pytest.raises(PeerError, match="no messages of a worker"):
        frames.from_worker(longest)
    with pytest.raises(PeerError, match="over the link's"):
        frames.from_worker(longest + b"\xc1")
    with pytest.raises(PeerError, match="over the link's"):
        frames.from_daemon(longest + b"\xc1")


def test_we_never_send_over_the_bound() -> None:
    with pytest.raises(ProtocolBug, match="Log is"):
        frames.encode(Log(RUN, EPOCH, 1, 1, "info", "x" * LINK_MESSAGE_BYTES_MAX))
    with pytest.raises(ProtocolBug, match="SpawnFailed"):
        spawning.encode(
            spawning.SpawnFailed(WORKER, "i", "x" * SPAWNER_MESSAGE_BYTES_MAX),
        )


@pytest.mark.parametrize("decode", DECODERS)
@given(data=st.binary(max_size=300))
def test_random_bytes_do_no_harm(decode: Decode, data: bytes) -> None:
    only_peer_error(decode, data)


@given(
    position=st.integers(0, 10_000),
    byte=st.integers(0, 255),
    index=st.integers(0, len(LINK) - 1),
)
def test_one_wrong_byte_does_no_harm(position: int, byte: int, index: int) -> None:
    message, decode = LINK[index]
    frame = bytearray(frames.encode(message))
    frame[position % len(frame)] = byte
    only_peer_error(decode, bytes(frame))


@given(index=st.integers(0, len(LINK) - 1), length=st.integers(0, 10_000))
def test_half_a_frame_is_the_peers_fault(index: int, length: int) -> None:
    message, decode = LINK[index]
    frame = frames.encode(message)
    with pytest.raises(PeerError):
        decode(frame[: length % len(frame)])


def only_peer_error(decode: Decode, data: bytes) -> None:
    try:
        decode(data)
    except PeerError:
        return


@given(sizes=st.lists(st.integers(1, LINK_MESSAGE_BYTES_MAX // 3), max_size=200))
def test_frames_keep_the_order_and_the_bounds(sizes: list[int]) -> None:
    said = [b"%d " % number + b"x" * size for number, size in enumerate(sizes)]
    waiting, taken = deque(said), list[list[bytes]]()
    while waiting:
        taken.append(frames.take(waiting))
    assert [message for batch in taken for message in batch] == said
    for batch in taken:
        assert 1 <= len(batch) <= LINK_MESSAGES_MAX
        assert len(frames.join(batch)) <= LINK_FRAME_BYTES_MAX
    for one, next_one in itertools.pairwise(taken):
        together = sum(map(len, one)) + len(next_one[0])
        assert len(one) == LINK_MESSAGES_MAX or together > LINK_MESSAGE_BYTES_MAX


def test_a_frame_holds_messages_in_their_order() -> None:
    frame = frames.join([frames.encode(message) for message in FROM_DAEMON])
    assert frames.from_daemon(frame) == list(FROM_DAEMON)


def test_a_message_is_an_array_that_begins_with_its_name() -> None:
    assert msgspec.msgpack.decode(frames.encode(Goodbye("drained"))) == [
        "Goodbye",
        "drained",
    ]
