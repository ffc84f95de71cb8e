"""What becomes of a run whose worker is away."""

import asyncio
from pathlib import Path

import pytest

from kanban_ipc.link import Cancel
from kanban_ipc.words import RunId
from kanband.shell.live import Restriction
from support.dispatch_bench import finished
from support.orphan_bench import HERE, OrphanBench, with_orphans


async def holder(bench: OrphanBench, run_id: RunId) -> str:
    """Whose lease the store says it is."""
    leases = await bench.bench.store.read(lambda reads: reads.leases())
    [holder] = [lease.worker_id for lease in leases if lease.run_id == run_id]
    return holder


def test_a_run_waits_for_its_worker_that_returns(tmp_path: Path) -> None:
    async def body(bench: OrphanBench) -> None:
        bench.bench.crew.returning.add(HERE)
        [run] = await bench.abandoned()
        heir = bench.bench.worker("worker-2")
        heir.hello()
        await bench.rounds(bench.dead_s - 2 * bench.beat_s, heir)
        assert heir.runs == []
        back = bench.bench.worker(HERE)
        back.hello()
        assert [each.run_id for each in back.runs] == [run.run_id]

    with_orphans(tmp_path, body)


def test_a_run_is_transferred_at_once_when_its_worker_does_not_return(
    tmp_path: Path,
) -> None:
    async def body(bench: OrphanBench) -> None:
        [run] = await bench.abandoned()
        heir = bench.bench.worker("worker-2")
        heir.hello()
        await bench.rounds(bench.beat_s, heir)
        [given] = heir.runs
        assert (given.run_id, given.epoch, given.adopt) == (run.run_id, run.epoch, True)
        assert await holder(bench, run.run_id) == "worker-2"
        assert bench.bench.dispatch.live_runs(heir.name) == [run.run_id]
        heir.say(finished(given, 9))
        await bench.bench.settle()
        ticket = await bench.bench.ticket(run.work.ticket_id)
        assert ticket.state == "in_review"

    with_orphans(tmp_path, body)


def test_an_heir_that_leaves_during_the_transfer_gets_the_run_when_it_is_back(
    tmp_path: Path,
) -> None:
    async def body(bench: OrphanBench) -> None:
        [run] = await bench.abandoned()
        heir = bench.bench.worker("worker-2")
        heir.hello()
        bench.bench.store.hold()
        bench.bench.clock.pass_by(bench.beat_s)
        for _ in range(20):
            await asyncio.sleep(0)
        bench.bench.crew.returning.add(heir.name)
        bench.bench.dispatch.worker_gone(heir.name, heir.incarnation)
        bench.bench.store.let_go()
        await bench.bench.settle()
        assert await holder(bench, run.run_id) == heir.name
        back = bench.bench.worker("worker-2")
        back.hello()
        [given] = back.runs
        assert (given.run_id, given.adopt) == (run.run_id, True)
        back.say(finished(given, 9))
        await bench.bench.settle()
        ticket = await bench.bench.ticket(run.work.ticket_id)
        assert ticket.state == "in_review"

    with_orphans(tmp_path, body)


def test_a_worker_that_is_back_during_the_transfer_leaves_the_run_to_its_heir(
    tmp_path: Path,
) -> None:
    async def body(bench: OrphanBench) -> None:
        [run] = await bench.abandoned()
        heir, back = bench.bench.worker("worker-2"), bench.bench.worker(HERE)
        heir.hello()
        bench.bench.store.hold()
        bench.bench.clock.pass_by(bench.beat_s)
        for _ in range(20):
            await asyncio.sleep(0)
        back.hello()
        bench.bench.store.let_go()
        await bench.bench.settle()
        assert back.runs == []
        assert [each.run_id for each in heir.runs] == [run.run_id]

    with_orphans(tmp_path, body)


def test_a_dead_worker_s_run_is_transferred_though_it_may_return(
    tmp_path: Path,
) -> None:
    async def body(bench: OrphanBench) -> None:
        bench.bench.crew.returning.add(HERE)
        [run] = await bench.abandoned()
        heir = bench.bench.worker("worker-2")
        heir.hello()
        await bench.rounds(bench.dead_s + bench.beat_s, heir)
        assert [each.run_id for each in heir.runs] == [run.run_id]

    with_orphans(tmp_path, body)


def test_our_own_absence_is_not_held_against_a_worker(tmp_path: Path) -> None:
    """The daemon was stopped: what it wakes up to is old, and says nothing."""

    async def body(bench: OrphanBench) -> None:
        [run] = await bench.abandoned()
        await bench.bench.pass_by(2 * bench.dead_s)
        assert not bench.live(run).reaping
        await bench.rounds(bench.dead_s)
        assert bench.live(run).reaping
        await bench.reaped()

    with_orphans(tmp_path, body)


def test_a_worker_that_has_a_cancellation_in_hand_is_attending_after_our_absence(
    tmp_path: Path,
) -> None:
    async def body(bench: OrphanBench) -> None:
        worker = bench.bench.worker(HERE)
        worker.hello()
        run = await bench.bench.one_run(worker)
        ending = await bench.bench.cancel(run)
        await bench.bench.pass_by(10 * bench.beat_s)
        assert not bench.live(run).reaping
        worker.say(finished(run, 1))
        await ending

    with_orphans(tmp_path, body)


def test_without_an_heir_the_run_of_one_that_may_return_is_left_alone(
    tmp_path: Path,
) -> None:
    async def body(bench: OrphanBench) -> None:
        bench.bench.crew.returning.add(HERE)
        [run] = await bench.abandoned()
        await bench.rounds(5 * bench.dead_s)
        assert not bench.live(run).reaping
        assert await holder(bench, run.run_id) == HERE

    with_orphans(tmp_path, body)


def test_the_heir_is_the_one_with_the_most_room(tmp_path: Path) -> None:
    async def body(bench: OrphanBench) -> None:
        busy, free = bench.bench.worker("worker-2"), bench.bench.worker("worker-3")
        busy.hello()
        await bench.bench.add("Its own")
        runs = await bench.abandoned()
        free.hello()
        await bench.rounds(bench.beat_s, busy, free)
        assert [each.run_id for each in free.runs] == [runs[0].run_id]
        assert len(busy.runs) == 1

    with_orphans(tmp_path, body)


@pytest.mark.parametrize(
    "why", ["another agent", "another repository", "draining", "silent"]
)
def test_a_worker_that_may_not_do_it_is_no_heir(tmp_path: Path, why: str) -> None:
    async def body(bench: OrphanBench) -> None:
        limits = bench.bench.crew.limits
        if why == "another agent":
            limits["worker-2"] = Restriction(frozenset(["other"]), None)
        elif why == "another repository":
            limits["worker-2"] = Restriction(None, str(tmp_path / "repo"))
        other = bench.bench.worker("worker-2")
        [run] = await bench.abandoned()
        other.hello(draining=why == "draining")
        if why == "silent":
            bench.bench.clock.pass_by(bench.stale_s)
            await bench.rounds(bench.beat_s)
        else:
            await bench.rounds(2 * bench.beat_s, other)
        assert other.runs == []
        assert await holder(bench, run.run_id) == HERE

    with_orphans(tmp_path, body)


def test_a_store_that_refuses_a_transfer_is_asked_again(tmp_path: Path) -> None:
    async def body(bench: OrphanBench) -> None:
        await bench.abandoned(2)
        heir = bench.bench.worker("worker-2", slots=2)
        heir.hello()
        await bench.bench.settle()
        bench.bench.store.full = True
        await bench.rounds(bench.beat_s, heir)
        assert heir.runs == []
        assert bench.bench.store.refused >= 2
        bench.bench.store.full = False
        await bench.rounds(bench.beat_s, heir)
        assert len(heir.runs) == 2
        assert not bench.task.done()

    with_orphans(tmp_path, body)


def test_an_attended_run_is_left_to_its_worker(tmp_path: Path) -> None:
    async def body(bench: OrphanBench) -> None:
        worker = bench.bench.worker(HERE)
        worker.hello()
        run = await bench.bench.one_run(worker)
        ending = await bench.bench.cancel(run)
        await bench.rounds(2 * bench.dead_s, worker)
        assert not bench.live(run).reaping
        assert worker.heard(Cancel)
        worker.say(finished(run))
        await bench.bench.settle()
        assert ending.done()

    with_orphans(tmp_path, body)
