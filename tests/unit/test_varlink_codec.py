"""The Varlink codec: messages there and back, streams cut into messages."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanban_ipc import varlink
from kanban_ipc.control import ListCall, NotFound, TextReply
from kanban_ipc.errors import PeerError

BYTES_MAX = 1_000


def body(message: bytes) -> bytes:
    assert message.endswith(b"\0")
    assert message.count(b"\0") == 1
    return message[:-1]


def test_a_call_comes_back_as_it_was_made() -> None:
    call = ListCall(text="a\0b é", limit=7)
    request = varlink.parse_request(
        body(varlink.request("io.kanban.List", call, more=True)),
    )
    assert (request.interface, request.name) == ("io.kanban", "List")
    assert (request.more, request.oneway) == (True, False)
    assert msgspec.json.decode(request.parameters, type=ListCall) == call


def test_a_call_without_parameters_has_an_empty_object_of_them() -> None:
    request = varlink.parse_request(b'{"method":"io.kanban.Status"}')
    assert bytes(request.parameters) == b"{}"


def test_a_one_way_call_says_so() -> None:
    sent = body(varlink.request("io.kanban.Drain", oneway=True))
    assert varlink.parse_request(sent).oneway


def test_a_reply_comes_back_as_it_was_made() -> None:
    reply = TextReply(text="line\nline \0 \N{SNOWMAN}")
    response = varlink.parse_response(body(varlink.reply(reply, continues=True)))
    assert response.error is None
    assert response.continues
    assert msgspec.json.decode(response.parameters, type=TextReply) == reply
    assert not varlink.parse_response(body(varlink.reply(None))).continues


def test_an_error_comes_back_as_it_was_made() -> None:
    error = NotFound(what="ticket", message="none")
    response = varlink.parse_response(body(varlink.error("io.kanban.NotFound", error)))
    assert response.error == "io.kanban.NotFound"
    assert msgspec.json.decode(response.parameters, type=NotFound) == error


def test_fields_of_the_envelope_that_are_new_are_ignored() -> None:
    assert varlink.parse_request(b'{"method":"a.B","new":1}').name == "B"


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"io.kanban.Status"',
        b'{"method":1}',
        b'{"method":"Status"}',
        b'{"method":"a.B","more":"yes"}',
        b'{"method":"a.B"',
        b'{"method":"a.B"}}',
        b'{"method":"a.\xff"}',
        b'{"method":"a.B","parameters":\xff}',
        b'{"method":"a.\\ud800"}',
        b'{"method":' + b"[" * 100_000,
        b'{"method":"a.B","parameters":' + b"[" * 100_000,
        b'{"method":"a.B","parameters":' + b'{"a":' * 100_000,
    ],
)
def test_what_is_no_call_is_the_peers_fault(message: bytes) -> None:
    with pytest.raises(PeerError):
        varlink.parse_request(message)


@pytest.mark.parametrize(
    "message",
    [b"", b"[]", b'{"continues":1}', b'{"error":1}', b"\xff", b"[" * 100_000],
)
def test_what_is_no_reply_is_the_peers_fault(message: bytes) -> None:
    with pytest.raises(PeerError):
        varlink.parse_response(message)


@given(st.binary(max_size=200))
def test_random_bytes_do_no_harm(data: bytes) -> None:
    for parse in (varlink.parse_request, varlink.parse_response):
        try:
            parse(data)
        except PeerError:
            continue


# -------------------------------------------------------------------------- splitting


def test_a_stream_is_cut_at_its_nuls_however_it_arrives() -> None:
    messages = [b"one", b"", b"three\xff"]
    stream = b"".join(message + b"\0" for message in messages)
    splitter = varlink.Splitter(BYTES_MAX)
    byte_by_byte = [
        message
        for index in range(len(stream))
        for message in splitter.feed(stream[index : index + 1])
    ]
    assert byte_by_byte == messages
    assert list(varlink.Splitter(BYTES_MAX).feed(stream)) == messages
    assert not splitter.has_partial


@given(
    st.lists(st.binary(max_size=50).filter(lambda data: b"\0" not in data)),
    st.lists(st.integers(1, 40), min_size=1),
)
def test_where_a_stream_is_torn_changes_nothing(
    messages: list[bytes],
    lengths: list[int],
) -> None:
    stream = b"".join(message + b"\0" for message in messages)
    splitter = varlink.Splitter(BYTES_MAX)
    found: list[bytes] = []
    at = turn = 0
    while at < len(stream):
        length = lengths[turn % len(lengths)]
        found += splitter.feed(stream[at : at + length])
        at, turn = at + length, turn + 1
    assert found == messages


def test_what_is_unfinished_is_known() -> None:
    splitter = varlink.Splitter(BYTES_MAX)
    assert list(splitter.feed(b"whole\0ha")) == [b"whole"]
    assert splitter.has_partial
    assert list(splitter.feed(b"lf\0")) == [b"half"]
    assert not splitter.has_partial


def test_the_longest_message_is_taken_and_a_longer_one_refused() -> None:
    longest = b"x" * BYTES_MAX
    assert list(varlink.Splitter(BYTES_MAX).feed(longest + b"\0")) == [longest]
    for data in (longest + b"x", longest + b"x\0"):
        with pytest.raises(PeerError, match="more than 1000 bytes"):
            list(varlink.Splitter(BYTES_MAX).feed(data))


def test_an_endless_message_is_not_kept() -> None:
    splitter = varlink.Splitter(BYTES_MAX)
    list(splitter.feed(b"x" * BYTES_MAX))
    with pytest.raises(PeerError):
        list(splitter.feed(b"x"))
    assert not splitter.has_partial


def test_messages_before_one_that_is_too_long_are_delivered() -> None:
    feed = varlink.Splitter(BYTES_MAX).feed(b"good\0" + b"x" * (BYTES_MAX + 1))
    assert next(feed) == b"good"
    with pytest.raises(PeerError):
        next(feed)
