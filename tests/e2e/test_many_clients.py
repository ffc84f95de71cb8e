"""Two hundred clients of one daemon at once: busy ones, slow ones, deaf ones."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import psutil
import pytest

from kanban_ipc import bounds
from kanban_ipc.control import (
    AddCall,
    AddReply,
    EventsCall,
    EventsReply,
    ListCall,
    NewTicket,
)
from support.status_probe import StatusProbe
from support.system import System
from support.varlink_client import VarlinkClient, varlink_client

ADDERS, FOLLOWERS, LAGGARDS, DEAF, SILENT = 60, 30, 30, 20, 60
TICKETS_EACH = 4
TICKETS = ADDERS * TICKETS_EACH
ANSWER_S = 3.0
"""Of ``status``, whatever others do: a second, and some for a shared machine."""
GROWTH_BYTES_MAX = 64 << 20
"""Of the daemon, for 200 connections with what they have not read yet; the bound of
each one's unread answers alone would allow for a gigabyte."""
TITLE = "x" * 480
"""Long, so that a laggard's share is more than the kernel and the daemon buffer."""


async def add(client: VarlinkClient, name: str) -> list[int]:
    ids = []
    for number in range(TICKETS_EACH):
        new = NewTicket(title=f"{name}-{number} {TITLE}", agent="noop")
        reply = await client.call(AddCall(ticket=new, ready=True), AddReply)
        ids.append(reply.id)
    return ids


async def completed(client: VarlinkClient) -> list[int]:
    """Tickets in the order of their completion, until it was all of them. What comes
    must have no gap and no repetition."""
    done: list[int] = []
    last = 0
    while len(done) < TICKETS:
        reply, more = await client.receive(EventsReply)
        assert more
        seqs = [event.seq for event in reply.events]
        assert seqs == list(range(last + 1, last + 1 + len(seqs)))
        last = seqs[-1] if seqs else last
        done += [
            event.ticket_id or 0
            for event in reply.events
            if event.type == "state_change" and event.payload.get("to") == "completed"
        ]
    return done


async def clients(stack: AsyncExitStack, path: Path, count: int) -> list[VarlinkClient]:
    opening = (stack.enter_async_context(varlink_client(path)) for _ in range(count))
    return [await each for each in opening]


def follow(each: Sequence[VarlinkClient], limit: int) -> None:
    for client in each:
        client.send(EventsCall(since=0, follow=True, limit=limit), more=True)


@pytest.mark.slow
def test_two_hundred_clients_get_what_they_ask_whatever_others_do(
    system: System,
) -> None:
    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            adders = await clients(stack, system.socket, ADDERS)
            followers = await clients(stack, system.socket, FOLLOWERS)
            laggards = await clients(stack, system.socket, LAGGARDS)
            deaf = await clients(stack, system.socket, DEAF)
            await clients(stack, system.socket, SILENT)
            follow(followers, limit=100)
            follow(laggards, limit=10)
            for client in laggards:
                client.rest()
            for client in deaf:
                client.rest()
                for _ in range(bounds.CONTROL_CALLS_QUEUED_MAX):
                    client.send(ListCall(limit=bounds.LIST_LIMIT_MAX))
            adding = [add(client, f"of-{n}") for n, client in enumerate(adders)]
            ids = [each for mine in await asyncio.gather(*adding) for each in mine]
            assert sorted(ids) == list(range(1, TICKETS + 1))
            seen = await asyncio.gather(*(completed(each) for each in followers))
            assert len({tuple(order) for order in seen}) == 1
            assert sorted(seen[0]) == sorted(ids)

            for client in laggards:
                client.wake()
            late = await asyncio.gather(*(completed(each) for each in laggards))
            assert {tuple(order) for order in late} == {tuple(seen[0])}
            assert rss() - before < GROWTH_BYTES_MAX

    def rss() -> int:
        return int(psutil.Process(system.daemon.pid).memory_info().rss)

    system.worker_running()
    before = rss()
    probe = StatusProbe(system.socket)
    try:
        asyncio.run(scenario())
    finally:
        longest_s = probe.longest_s()
    assert longest_s < ANSWER_S
    assert system.status().daemon.healthy
