"""Hostile bytes on the control socket yield errors, and cost nobody else anything."""

import asyncio
import os
import random
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import psutil
import pytest

from kanban_ipc import bounds, varlink
from kanban_ipc.control import (
    METHODS,
    AddCall,
    AddReply,
    EventsCall,
    EventsReply,
    NewTicket,
    StatusCall,
    StatusReply,
)
from kanband.shell.connection import Patience
from support.control_server import Served, served, until
from support.varlink_client import varlink_client

MESSAGES = 10_000
AT_ONCE = 20
ROUNDS_MAX = 3
RSS_GROWTH_MAX = 10 << 20
STATUS_S_MAX = 0.1
PATIENCE_S = 20.0

SHAPES = (
    b"",
    b"{",
    b"null",
    b"[" * 20_000,
    b'{"method":',
    b'{"method":"io.kanban.Status","parameters":[]}',
    b'{"method":"io.kanban.Status","parameters":{"workers":"\xff"}}',
    b'{"method":"io.kanban.Status","more":"yes"}',
    b'{"method":"io.kanban.","parameters":{}}',
    b'{"method":"io.kanban.__class__"}',
    b'{"method":"' + b"io." * 3_000 + b'"}',
    b'{"method":"io.kanban.Show","parameters":{"id":' + b"9" * 300 + b"}}",
    b'{"method":"io.kanban.Show","parameters":{"id":1e999}}',
    b'{"method":"io.kanban.RunShow","parameters":{"run":"' + b"%s" * 999 + b'"}}',
    b'{"method":"io.kanban.Logs","parameters":{"source":"../../etc/passwd"}}',
    b'{"method":"io.kanban.Add","parameters":{"ticket":' + b'{"a":' * 5_000,
    b'{"method":"io.kanban.Wait","parameters":{"ids":[' + b"1," * 9_999 + b"1]}}",
)


def hostile(rng: random.Random) -> bytes:
    """One message, or what shall be taken for one; with or without its end."""
    kind = rng.randrange(5)
    if kind == 0:
        body = rng.randbytes(rng.randrange(200))
    elif kind == 1:
        body = rng.choice(SHAPES)
    else:
        name = rng.choice(list(METHODS))
        call = bytearray(
            b'{"method":"io.kanban.%s","parameters":{"id":1,"ids":[1],"run":"1",'
            b'"worker_ids":["w"],"to":"Ready","count":1,"source":"daemon"}}'
            % name.encode()
        )
        for _ in range(rng.randrange(1, 4)):
            call[rng.randrange(len(call))] = rng.randrange(256)
        body = bytes(call)
    return body + (b"\0" if rng.random() < 0.9 else b"")


async def one_client(it: Served, messages: Iterator[bytes], count: int) -> int:
    """Send some, read whatever comes, and go in one of the ways that clients go."""
    sent = 0
    async with varlink_client(it.path) as client:
        for data in messages:
            try:
                client.raw(data)
                await client.writer.drain()
            except ConnectionError:
                break
            sent += 1
            if sent == count:
                break
    return sent


async def storm(it: Served, rng: random.Random, count: int) -> None:
    messages = iter(lambda: hostile(rng), None)
    sent = 0
    while sent < count:
        sent += sum(
            await asyncio.gather(
                *(
                    one_client(it, messages, rng.choice((1, 1, 1, 3, 20)))
                    for _ in range(AT_ONCE)
                )
            )
        )


async def too_long(it: Served) -> None:
    """One message over the bound; afterwards only the test's own client is left."""
    data = b"x" * (bounds.CONTROL_REQUEST_BYTES_MAX + 1)
    await one_client(it, iter([data]), 1)
    await gone(it)


async def trouble(it: Served, rng: random.Random, count: int) -> None:
    """All of it."""
    await storm(it, rng, count)
    for _ in range(3):
        await too_long(it)


async def gone(it: Served, left: int = 1) -> None:
    await until(lambda: len(it.server) <= left, "the others are gone")


async def answers_in_time(it: Served) -> None:
    """A fresh client's status does: soon, for others use the machine as well."""
    async with asyncio.timeout(PATIENCE_S):
        while await status_s(it) > STATUS_S_MAX:
            pass


async def status_s(it: Served) -> float:
    begun = time.perf_counter()
    async with varlink_client(it.path) as client:
        await client.call(StatusCall(), StatusReply)
    return time.perf_counter() - begun


def fds() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a plain count


@pytest.mark.slow
def test_ten_thousand_hostile_messages_leave_nothing_behind(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - to repeat a failure with
    rng = random.Random(seed)
    process = psutil.Process()

    async def main() -> None:
        async with served(tmp_path, patience=Patience(partial_s=2.0)) as it:
            # The client's buffers are of this process too, and paid for once: what is
            # kept of each message would be paid for in every round.
            await trouble(it, rng, MESSAGES // 5)
            open_fds, grown = fds(), list[int]()
            while len(grown) < ROUNDS_MAX and (not grown or grown[-1] > RSS_GROWTH_MAX):
                before = process.memory_info().rss
                await trouble(it, rng, MESSAGES)
                grown.append(process.memory_info().rss - before)
            assert grown[-1] <= RSS_GROWTH_MAX, grown
            # What some had asked for ends a moment after they have gone.
            await until(lambda: fds() <= open_fds, "descriptors are given back")
            await answers_in_time(it)

    asyncio.run(main())
    bugs = [record.getMessage() for record in caplog.records if record.exc_info]
    assert bugs == [], f"seed {seed}"


def test_clients_that_never_read_cost_a_buffer_each(tmp_path: Path) -> None:
    process = psutil.Process()
    new = NewTicket(title="t" * 400, agent="noop", instructions="x" * 1_900)

    async def main() -> None:
        async with served(tmp_path) as it, AsyncExitStack() as stack:
            for _ in range(100):
                await it.client.call(AddCall(ticket=new), AddReply)
            before = process.memory_info().rss
            readers = []
            for _ in range(20):
                reader, writer = await asyncio.open_unix_connection(it.path, limit=1)
                stack.callback(writer.close)
                readers.append(reader)
                page = EventsCall(since=0, follow=True, limit=100)
                writer.write(varlink.request("io.kanban.Events", page, more=True))
                listing = varlink.request("io.kanban.List")
                for _ in range(200):
                    writer.write(listing)
            for _ in range(200):
                await it.client.call(AddCall(ticket=new), AddReply)
            await answers_in_time(it)
            assert process.memory_info().rss - before <= 20 * (1 << 20)

    asyncio.run(main())


def test_two_hundred_clients_are_served_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with served(tmp_path) as it, AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(varlink_client(it.path))
                for _ in range(200)
            ]
            for client in clients[::2]:
                client.send(EventsCall(follow=True), more=True)
                await client.receive(EventsReply)
            new = NewTicket(title="T", agent="noop")
            await it.client.call(AddCall(ticket=new), AddReply)
            for client in clients[::2]:
                page, continues = await client.receive(EventsReply)
                assert continues
                assert page.events
            for client in clients[1::2]:
                client.send(StatusCall())
            for client in clients[1::2]:
                await client.receive(StatusReply)
            await answers_in_time(it)

    asyncio.run(main())
