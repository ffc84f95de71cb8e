"""The end of a worker that does not come back, when the store takes its time."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from kanban_ipc.control import NewTicket, WorkerInfo
from kanban_ipc.words import WorkerId
from kanband.shell.fleet import FleetLeaves
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


def test_nothing_is_started_in_a_daemon_that_stops(bench: CrewBench) -> None:
    async def scenario() -> None:
        async with bench.daemon() as daemon:
            fleet = daemon.fleet
            before = await daemon.until("RUNNING")
            daemon.store.hold()
            # Its wish is being committed when the shutdown begins.
            starting = asyncio.ensure_future(start_more(daemon))
            await asyncio.sleep(0)
            leaving = asyncio.ensure_future(fleet.shut_down(now=True))
            await eventually(lambda: not traces.alive(before.pid or 0), "its end")
            daemon.store.let_go()
            await leaving
            assert {info.state for info in await starting} == {"STOPPED"}
            for command in (
                start_more(daemon),
                fleet.restart([W1], now=True, wait=True),
                fleet.scale(3, now=True, wait=True),
                fleet.stop([W1], now=True, wait=True),
                fleet.reset_failed([]),
            ):
                with pytest.raises(FleetLeaves, match="it is stopping"):
                    await command
            assert {info.state for info in fleet.infos()} == {"STOPPED"}
            assert fleet.spawner_pid is None
        # What was wished in time holds for the next daemon.
        async with bench.daemon() as daemon:
            await daemon.until("RUNNING", "worker-2")

    asyncio.run(scenario())


async def start_first(daemon: Daemon) -> list[WorkerInfo]:
    return await daemon.fleet.start(
        W1, count=1, slots=None, agents=[], repo=None, wait=True
    )


async def start_more(daemon: Daemon) -> list[WorkerInfo]:
    return await daemon.fleet.start(
        None, count=1, slots=None, agents=[], repo=None, wait=True
    )


def test_a_worker_that_is_wanted_again_at_its_end_is_not_forgotten(
    bench: CrewBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with bench.daemon() as daemon:
            before = await daemon.until("RUNNING")
            ledger, starting = daemon.fleet._ledger, list[asyncio.Task[Any]]()
            flush = ledger.flush

            async def flushed() -> None:
                """Its last row is written; now the wish is being committed."""
                await flush()
                if not starting:
                    daemon.store.hold()
                    starting.append(asyncio.ensure_future(start_first(daemon)))
                    await asyncio.sleep(0)

            monkeypatch.setattr(ledger, "flush", flushed)
            await daemon.fleet.scale(0, now=False, wait=False)
            await eventually(lambda: starting, "its end")
            for _ in range(20):
                await asyncio.sleep(0)
            daemon.store.let_go()
            [after] = await starting[0]
            assert (after.state, after.wanted) == ("RUNNING", "run")
            assert after.pid != before.pid
            [row] = await daemon.store.read(lambda reads: reads.workers())
            assert row.wanted == "run"

    asyncio.run(scenario())


def test_a_worker_is_forgotten_when_the_disk_has_space_again(
    bench: CrewBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with bench.daemon() as daemon:
            await daemon.until("RUNNING")
            ledger = daemon.fleet._ledger
            forget = ledger.forget

            def fills_up(worker_id: WorkerId) -> None:
                daemon.store.full = True
                forget(worker_id)

            monkeypatch.setattr(ledger, "forget", fills_up)
            scaling = asyncio.ensure_future(daemon.fleet.scale(0, now=True, wait=True))
            await eventually(lambda: daemon.store.refused, "a refusal")
            daemon.store.full = False
            assert await scaling
            assert await daemon.store.read(lambda reads: reads.workers()) == []

    asyncio.run(scenario())
