"""Bytes that nobody should send, in numbers, on both sockets."""

import contextlib
import os
import random
import secrets
import socket
import time
from collections.abc import Iterator

import psutil
import zmq

from kanban_ipc import bounds, layout
from kanban_ipc.link import identity
from kanban_ipc.words import WorkerId
from support.deadline import eventually
from support.system import System

MESSAGES = 10_000
RSS_GROWTH_MAX = 10 << 20
STATUS_S_MAX = 0.1

CALLS = (
    b"\0",
    b"{}\0",
    b"null\0",
    b'{"method": 1}\0',
    b'{"method": "io.kanban.Nothing"}\0',
    b'{"method": "io.kanban.Add", "parameters": {"ticket": {"title": ""}}}\0',
    b'{"method": "io.kanban.Show", "parameters": {"id": "one"}}\0',
    b'{"method": "io.kanban.Show", "parameters": {"id": 1, "more": 2}}\0',
    b'{"method": "io.kanban.Status", "parameters": []}\0',
    b'{"method": "io.kanban.Status", "parameters": {"workers": "\xff"}}\0',
    b"[" * 5_000 + b"\0",
    b'{"method": "io.kanban.Add", "parameters": ' + b'{"a":' * 5_000 + b"\0",
)


def garbage(dice: random.Random, count: int) -> Iterator[bytes]:
    for _ in range(count):
        if dice.random() < 0.5:
            yield dice.choice(CALLS)
        else:
            yield dice.randbytes(dice.randrange(1, 400)) + b"\0"


def status_s(system: System) -> float:
    began = time.monotonic()
    system.status()
    return time.monotonic() - began


def assert_unimpressed(system: System, rss: int, descriptors: int) -> None:
    daemon = psutil.Process(system.daemon.pid)
    eventually(lambda: daemon.num_fds() <= descriptors, "descriptors closed")
    eventually(lambda: status_s(system) < STATUS_S_MAX, "an answer in time")
    growth = daemon.memory_info().rss - rss
    assert growth <= RSS_GROWTH_MAX, f"grown by {growth >> 10} KiB"
    ticket = system.add("Still at work", instructions="true")
    assert system.wait(ticket)[0].state == "in_review"


def measured(system: System) -> tuple[int, int]:
    """RSS and descriptors of a daemon that has done each kind of thing once."""
    ticket = system.add("Warm up", instructions="true")
    system.wait(ticket)
    for each in CALLS:
        throw(system, each)
    daemon = psutil.Process(system.daemon.pid)
    return daemon.memory_info().rss, daemon.num_fds()


def throw(system: System, data: bytes) -> None:
    """Send it and read whatever comes, until the daemon has had enough."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(30)
        link.connect(str(system.socket))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            link.sendall(data)
            link.shutdown(socket.SHUT_WR)
            while link.recv(1 << 16):
                pass


def test_ten_thousand_malformed_calls_cost_their_senders_and_nobody_else(
    system: System,
) -> None:
    dice = random.Random(20)
    rss, descriptors = measured(system)
    for _ in range(MESSAGES // 20):
        throw(system, b"".join(garbage(dice, 20)))
    assert_unimpressed(system, rss, descriptors)


def test_oversized_calls_are_refused_and_not_kept(system: System) -> None:
    rss, descriptors = measured(system)
    block = b"x" * (bounds.CONTROL_REQUEST_BYTES_MAX + 1)
    for _ in range(20):
        throw(system, block)
    assert_unimpressed(system, rss, descriptors)


def test_silent_and_half_spoken_connections_hurt_nobody(system: System) -> None:
    rss, descriptors = measured(system)
    with contextlib.ExitStack() as held:
        for _ in range(300):
            link = held.enter_context(socket.socket(socket.AF_UNIX))
            link.connect(str(system.socket))
            link.sendall(b'{"method": "io.kanban.Sta')
        eventually(lambda: status_s(system) < STATUS_S_MAX, "an answer in time")
    assert_unimpressed(system, rss, descriptors)


def test_ten_thousand_malformed_frames_on_the_link_change_nothing(
    system: System,
) -> None:
    dice = random.Random(21)
    rss, descriptors = measured(system)
    before = system.worker_running()
    with zmq.Context() as context:
        for _ in range(10):
            with context.socket(zmq.DEALER) as dealer:
                dealer.setsockopt(zmq.LINGER, 5_000)
                dealer.setsockopt(zmq.ROUTING_ID, stranger(dice))
                dealer.connect(f"ipc://{system.runtime / layout.LINK_SOCKET}")
                for _ in range(MESSAGES // 10):
                    dealer.send_multipart(frames(dice))
    eventually(lambda: status_s(system) < STATUS_S_MAX, "an answer in time")
    assert_unimpressed(system, rss, descriptors)
    assert system.worker_running() == before


def stranger(dice: random.Random) -> bytes:
    if dice.random() < 0.5:
        return os.urandom(dice.randrange(1, 60)).replace(b"\0", b"x")
    return identity(WorkerId("worker-1"), secrets.token_hex(8))


def frames(dice: random.Random) -> list[bytes]:
    count = dice.choice([1, 1, 1, 2, 65])
    return [dice.randbytes(dice.randrange(0, 300)) for _ in range(count)]


def test_oversized_frames_on_the_link_are_not_kept(system: System) -> None:
    rss, descriptors = measured(system)
    block = b"x" * (bounds.LINK_FRAME_BYTES_MAX * 2)
    with zmq.Context() as context:
        for _ in range(20):
            with context.socket(zmq.DEALER) as dealer:
                dealer.setsockopt(zmq.LINGER, 500)
                dealer.connect(f"ipc://{system.runtime / layout.LINK_SOCKET}")
                dealer.send(block)
    assert_unimpressed(system, rss, descriptors)
