"""The daemon's end of the link, over real ZeroMQ sockets."""

import asyncio
import logging
import stat
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import zmq

from kanban_ipc import bounds, frames
from kanban_ipc.link import Beat, Goodbye, Heartbeat, Welcome
from kanband.shell.link import Link
from support.crew_bench import eventually
from support.link_bench import LinkBench, Peer, ReceiverDouble, opened, short_folder

Body = Callable[[LinkBench], Coroutine[Any, Any, None]]
BYE = Goodbye("drained")


def beat(number: int) -> Heartbeat:
    return Heartbeat(free=number)


def with_link(body: Body) -> None:
    async def main() -> None:
        async with opened() as bench:
            await body(bench)

    asyncio.run(main())


def test_only_its_owner_may_connect_and_nothing_is_left_behind() -> None:
    async def main() -> None:
        async with opened() as bench:
            path = bench.path
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert not path.exists()

    asyncio.run(main())


def test_a_socket_that_a_dead_daemon_left_is_no_hindrance() -> None:
    async def main() -> None:
        with short_folder() as folder:
            path = folder / "link.sock"
            path.write_bytes(b"")
            link = Link(path, ReceiverDouble())
            link.open()
            assert path.is_socket()
            link.close()
            link.close()

    asyncio.run(main())


def test_what_comes_before_it_listens_is_kept() -> None:
    async def main() -> None:
        with short_folder() as folder, zmq.Context() as context:
            receiver = ReceiverDouble()
            link = Link(folder / "link.sock", receiver)
            link.open()
            peer = Peer(context, folder / "link.sock", b"early")
            peer.say(beat(1), beat(2))
            await eventually(lambda: link.waiting, "the message has arrived")
            # As an answer to somebody else does it: no reason to look.
            link.send(b"nobody", [Beat()])
            await asyncio.sleep(0)
            assert receiver.heard == []
            link.listen()
            await receiver.until(lambda: len(receiver.heard) == 2)
            assert receiver.of(peer) == [beat(1), beat(2)]
            link.close()
            peer.socket.close(0)

    asyncio.run(main())


def test_messages_come_in_order_and_answers_go_back() -> None:
    async def body(bench: LinkBench) -> None:
        peer, said = bench.peer(), [beat(number) for number in range(200)]
        for start in range(0, 200, 40):
            peer.say(*said[start : start + 40])
        await bench.receiver.until(lambda: len(bench.receiver.heard) == 200)
        assert bench.receiver.of(peer) == said
        assert bench.link.send(peer.name, [Beat(), Welcome(1, 5.0, "start")])
        assert await peer.hear() == [Beat(), Welcome(1, 5.0, "start")]

    with_link(body)


def test_more_answers_than_one_frame_holds_are_several_frames() -> None:
    async def body(bench: LinkBench) -> None:
        peer = bench.peer()
        peer.say(BYE)
        await bench.receiver.until(lambda: bench.receiver.heard)
        count = 2 * bounds.LINK_MESSAGES_MAX + 1
        assert bench.link.send(peer.name, [Beat()] * count)
        sizes = [len(await peer.hear()) for _ in range(3)]
        assert sizes == [bounds.LINK_MESSAGES_MAX, bounds.LINK_MESSAGES_MAX, 1]

    with_link(body)


def test_whoever_is_not_connected_cannot_be_told() -> None:
    async def body(bench: LinkBench) -> None:
        assert not bench.link.send(b"worker-9:inc", [Beat()])

    with_link(body)


def test_a_closed_link_tells_nobody() -> None:
    async def main() -> None:
        async with opened() as bench:
            link = bench.link
        assert not link.send(b"worker-1:inc", [Beat()])

    asyncio.run(main())


def test_a_peer_that_does_not_read_is_told_no_more_and_harms_nobody() -> None:
    async def body(bench: LinkBench) -> None:
        deaf, peer = bench.peer(b"worker-1:deaf"), bench.peer()
        deaf.say(BYE)
        peer.say(BYE)
        await bench.receiver.until(lambda: len(bench.receiver.heard) == 2)
        long = Welcome(1, 5.0, "x" * 60_000)
        most = 10 * bounds.LINK_HWM
        sent = 0
        while sent < most and bench.link.send(deaf.name, [long]):
            sent += 1
        assert sent < most
        assert bench.link.send(peer.name, [Beat()])
        assert await peer.hear() == [Beat()]

    with_link(body)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xc1",
        b"not a message",
        b"\x92\xa5Hello\xff",
        frames.encode(beat(1)),
        frames.join([]),
        frames.join([frames.encode(Beat())]),
        frames.join([frames.encode(beat(2)), frames.encode(Beat())]),
        frames.join([frames.encode(BYE)])[:-1],
        b"\x91" * 100_000,
    ],
)
def test_a_malformed_frame_harms_its_sender_alone(frame: bytes) -> None:
    async def body(bench: LinkBench) -> None:
        hostile, peer = bench.peer(b"worker-1:hostile"), bench.peer()
        hostile.say(beat(1))
        hostile.say_raw(frame)
        peer.say(BYE)
        receiver = bench.receiver
        await receiver.until(lambda: receiver.complaints and receiver.of(peer))
        assert receiver.of(hostile) == [beat(1)]
        assert [name for name, _reason in receiver.complaints] == [hostile.name]
        hostile.say(beat(3))
        await receiver.until(lambda: beat(3) in receiver.of(hostile))

    with_link(body)


def test_a_frame_of_too_many_messages_is_refused_whole() -> None:
    async def body(bench: LinkBench) -> None:
        peer, receiver = bench.peer(), bench.receiver
        most = bounds.LINK_MESSAGES_MAX
        peer.say(*[beat(number) for number in range(most + 3)])
        await receiver.until(lambda: receiver.complaints)
        [(name, reason)] = receiver.complaints
        assert name == peer.name
        assert f"length <= {most}" in reason
        assert receiver.heard == []
        peer.say(*[beat(number) for number in range(most)])
        await receiver.until(lambda: len(receiver.heard) == most)
        assert len(receiver.complaints) == 1

    with_link(body)


def test_several_frames_in_one_piece_are_refused_whole() -> None:
    async def body(bench: LinkBench) -> None:
        peer, receiver = bench.peer(), bench.receiver
        peer.say_raw(*[frames.join([frames.encode(beat(1))])] * 3)
        await receiver.until(lambda: receiver.complaints)
        assert receiver.complaints == [(peer.name, "3 frames in one piece")]
        assert receiver.heard == []

    with_link(body)


def test_a_frame_over_the_bound_never_reaches_us() -> None:
    async def body(bench: LinkBench) -> None:
        hostile, peer = bench.peer(b"worker-1:hostile"), bench.peer()
        hostile.say_raw(b"\xa5" * (bounds.LINK_FRAME_BYTES_MAX + 1))
        hostile.say(beat(1))
        peer.say(BYE)
        receiver = bench.receiver
        await receiver.until(lambda: receiver.of(peer))
        # Its connection was closed and begins anew, without what was on it.
        hostile.say(beat(2))
        await receiver.until(lambda: beat(2) in receiver.of(hostile))
        assert receiver.complaints == []

    with_link(body)


def test_complaints_about_a_hostile_peer_do_not_fill_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def body(bench: LinkBench) -> None:
        peer, receiver = bench.peer(), bench.receiver
        for _ in range(100):
            peer.say_raw(b"\xc1")
        await receiver.until(lambda: len(receiver.complaints) == 100)

    with caplog.at_level(logging.WARNING):
        with_link(body)
    assert 0 < len(caplog.records) <= 20


def test_a_flood_does_not_starve_the_loop() -> None:
    async def body(bench: LinkBench) -> None:
        loop, receiver = asyncio.get_running_loop(), bench.receiver
        ticks = 0
        seen: list[int] = []

        def tick() -> None:
            nonlocal ticks
            ticks += 1
            loop.call_soon(tick)

        flood = 4 * bounds.LINK_FRAMES_PER_TURN_MAX
        receiver.after_turn = lambda: seen.append(ticks)
        peer = bench.peer()
        for number in range(flood):
            peer.say(beat(number))
        loop.call_soon(tick)
        await receiver.until(lambda: len(receiver.heard) == flood)
        assert receiver.of(peer) == [beat(number) for number in range(flood)]
        assert max(receiver.turns) <= bounds.LINK_FRAMES_PER_TURN_MAX
        assert sorted(set(seen)) == seen, "two turns without one of the loop between"

    with_link(body)


def test_a_worker_that_connects_again_takes_its_name_with_it() -> None:
    async def body(bench: LinkBench) -> None:
        first, receiver = bench.peer(), bench.receiver
        first.say(beat(1))
        await receiver.until(lambda: beat(1) in receiver.of(first))
        second = bench.peer()
        second.say(beat(2))
        await receiver.until(lambda: beat(2) in receiver.of(second))
        assert bench.link.send(second.name, [Beat()])
        assert await second.hear() == [Beat()]
        assert not first.socket.poll(0)

    with_link(body)


def test_what_came_while_we_were_sending_is_not_forgotten() -> None:
    """The descriptor is edge-triggered, and a send may swallow the edge."""

    async def body(bench: LinkBench) -> None:
        peer, receiver = bench.peer(), bench.receiver
        peer.say(BYE)
        await receiver.until(lambda: receiver.heard)
        for number in range(100):
            peer.say(beat(number))
            bench.link.send(peer.name, [Beat()])
        await receiver.until(lambda: len(receiver.heard) == 101)

    with_link(body)
