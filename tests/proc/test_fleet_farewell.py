"""The end of a worker that does not come back, when the store takes its time."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from kanban_ipc.control import NewTicket
from kanban_ipc.words import WorkerId
from support import traces
from support.crew_bench import CrewBench, Daemon, eventually

W1 = WorkerId("worker-1")
Farewell = Callable[[Daemon], Coroutine[Any, Any, object]]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[CrewBench]:
    made = CrewBench(tmp_path)
    yield made
    made.close()


def claims_while_it_leaves(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim for the worker is under way when it is asked to leave, and is committed
    only when the test lets go of the store.
    """
    drain = daemon.dispatch.drain_worker

    def drain_worker(worker_id: WorkerId, deadline_s: float) -> bool:
        daemon.store.hold()
        daemon.dispatch.wake()
        return drain(worker_id, deadline_s)

    monkeypatch.setattr(daemon.dispatch, "drain_worker", drain_worker)


async def one_ready(daemon: Daemon) -> int:
    new = [NewTicket(title="A ticket")]
    outcome = await daemon.store.do(lambda v: v.add(new, ready=True, now_ms=0))
    return outcome.added[0].ticket.id


@pytest.mark.parametrize(
    "farewell",
    [
        lambda daemon: daemon.fleet.scale(0, now=False, wait=True),
        lambda daemon: daemon.fleet.stop([W1], now=False, wait=True),
        lambda daemon: daemon.fleet.shut_down(now=False),
    ],
    ids=["scale", "stop", "shutdown"],
)
def test_a_claim_that_is_committed_after_the_worker_s_end_goes_back(
    bench: CrewBench, monkeypatch: pytest.MonkeyPatch, farewell: Farewell
) -> None:
    async def scenario() -> None:
        async with bench.daemon() as daemon:
            daemon.dispatch.open()
            before = await daemon.until("RUNNING")
            claims_while_it_leaves(daemon, monkeypatch)
            ticket_id = await one_ready(daemon)
            leaving = asyncio.ensure_future(farewell(daemon))
            await eventually(lambda: not traces.alive(before.pid or 0), "its end")
            await eventually(lambda: daemon.worker().state == "STOPPED", "STOPPED")
            assert not leaving.done()
            daemon.store.let_go()
            await leaving
            ticket = await daemon.store.read(lambda reads: reads.ticket(ticket_id))
            assert ticket is not None
            assert (ticket.state, ticket.retry_count) == ("ready", 0)
            assert len(daemon.dispatch.live) == 0

    asyncio.run(scenario())
