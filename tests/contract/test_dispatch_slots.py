"""How many runs a worker gets, and when it gets none."""

import asyncio
from pathlib import Path

import pytest

from kanban_ipc import link
from kanban_ipc.link import Ack, Drain, Result
from kanban_ipc.words import Epoch
from kanband.shell.live import Restriction
from support.dispatch_bench import Bench, finished, started, with_bench

LOST = Result(outcome="error", failure="worker_lost")
BACK = Result(outcome="aborted", failure="shutdown")


@pytest.mark.parametrize("slots", [1, 2, 5])
def test_slots_are_filled_and_never_overfilled(tmp_path: Path, slots: int) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker(slots=slots)
        worker.hello()
        await bench.add(*"abcdefghij")
        assert len(worker.runs) == slots
        worker.say(*[started(run) for run in worker.runs])
        worker.beat(*worker.runs)
        worker.hello(*worker.runs)
        bench.dispatch.wake()
        await bench.settle()
        assert len(worker.runs) == slots

    with_bench(tmp_path, body)


def test_a_slot_is_filled_in_the_turn_that_frees_it(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        await bench.add("a", "b")
        writes = bench.store.writes
        worker.say(started(worker.runs[0]), finished(worker.runs[0]))
        await bench.settle()
        assert len(worker.runs) == 2
        assert bench.store.writes == writes + 1

    with_bench(tmp_path, body)


def test_two_ends_of_one_run_free_one_slot(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker(slots=2)
        worker.hello()
        await bench.add(*"abcde")
        run = worker.runs[0]
        worker.say(finished(run, 1), finished(run, 2), finished(run, 3))
        await bench.settle()
        assert bench.dispatch.live.count(worker.name) == 2
        assert worker.heard(Ack) == [link.Ack(run.run_id, run.epoch, 3)]

    with_bench(tmp_path, body)


def test_an_end_that_the_reaper_finds_too_late_changes_nothing(
    tmp_path: Path,
) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        await bench.add("a", "b", "c")
        run = worker.runs[0]
        live = bench.dispatch.live.get(run.run_id)
        assert live is not None
        bench.store.hold()
        worker.say(started(run), finished(run))
        bench.dispatch.end_unreported(live, LOST)
        bench.store.let_go()
        await bench.settle()
        assert (await bench.ticket(run.work.ticket_id)).state == "in_review"
        assert bench.dispatch.live.count(worker.name) == 1
        assert not [kind for kind in await bench.journal() if "stale" in kind]

    with_bench(tmp_path, body)


def test_a_stale_end_frees_no_slot(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        await bench.add("a", "b")
        run = worker.runs[0]
        older = link.Finished(run.run_id, Epoch(0), 9, 2, LOST)
        worker.say(older)
        bench.dispatch.wake()
        await bench.settle()
        assert len(worker.runs) == 1

    with_bench(tmp_path, body)


def test_work_goes_round_and_not_all_to_the_first(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        workers = [bench.worker(f"worker-{n}", slots=2) for n in (1, 2)]
        for worker in workers:
            worker.hello()
        await bench.settle()
        await bench.add("a", "b")
        assert [len(worker.runs) for worker in workers] == [1, 1]

    with_bench(tmp_path, body)


def test_restrictions_reach_the_claim(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        bench.crew.limits["worker-1"] = Restriction(frozenset(["other"]), None)
        bench.crew.limits["worker-2"] = Restriction(None, str(tmp_path / "repo"))
        one, two = bench.worker("worker-1"), bench.worker("worker-2")
        one.hello()
        two.hello()
        await bench.settle()
        await bench.add("for nobody here")
        assert (one.runs, two.runs) == ([], [])
        await bench.add("by agent", agent="other")
        await bench.add("by repository", repo_path=str(tmp_path / "repo"))
        assert [run.work.title for run in one.runs] == ["by agent"]
        assert [run.work.title for run in two.runs] == ["by repository"]

    with_bench(tmp_path, body)


def test_a_draining_worker_gets_nothing(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker(slots=2)
        worker.hello()
        run = await bench.one_run(worker)
        assert bench.dispatch.drain_worker(worker.name, 60.0)
        await bench.add("a")
        worker.say(started(run), finished(run))
        await bench.settle()
        worker.hello(draining=True)
        bench.dispatch.wake()
        await bench.settle()
        assert worker.heard(Drain) == [Drain(60.0)]
        assert len(worker.runs) == 1

    with_bench(tmp_path, body)


def test_a_spared_worker_gets_runs_beside_its_own_and_none_after(
    tmp_path: Path,
) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker(slots=2)
        worker.hello()
        run = await bench.one_run(worker)
        bench.dispatch.spare(worker.name, "wholly")
        await bench.add("beside it")
        assert len(worker.runs) == 1
        bench.dispatch.spare(worker.name, "when_empty")
        await bench.settle()
        [_, beside] = worker.runs
        await bench.add("after it")
        # The end of the last run and the next claim would be one turn.
        worker.say(started(run), finished(run), started(beside), finished(beside))
        await bench.settle()
        assert len(worker.runs) == 2
        bench.dispatch.spare(worker.name, "not")
        await bench.settle()
        assert len(worker.runs) == 3

    with_bench(tmp_path, body)


def test_a_worker_that_is_away_cannot_be_drained(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        assert not bench.dispatch.drain_worker(worker.name, 60.0)
        worker.hello()
        bench.sender.gone.add(worker.peer)
        assert not bench.dispatch.drain_worker(worker.name, 60.0)

    with_bench(tmp_path, body)


def test_nothing_is_assigned_before_open_nor_after_hold(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        bench.dispatch.hold()
        worker = bench.worker()
        worker.hello()
        await bench.add("a", "b")
        assert worker.runs == []
        bench.dispatch.open()
        await bench.settle()
        assert len(worker.runs) == 1
        bench.dispatch.hold()
        worker.say(started(worker.runs[0]), finished(worker.runs[0]))
        await bench.settle()
        assert len(worker.heard(Ack)) == 1
        assert len(worker.runs) == 1

    with_bench(tmp_path, body)


def test_a_run_whose_worker_left_during_its_claim_waits_for_the_next(
    tmp_path: Path,
) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        bench.crew.returning.add(worker.name)
        await bench.add("a", wake=False)
        bench.store.hold()
        bench.dispatch.wake()
        bench.dispatch.worker_gone(worker.name, worker.incarnation)
        bench.store.let_go()
        await bench.settle()
        assert worker.runs == []
        back = bench.worker()
        back.hello()
        assert len(back.runs) == 1

    with_bench(tmp_path, body)


def test_a_run_whose_worker_left_for_good_during_its_claim_goes_back_at_once(
    tmp_path: Path,
) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        [ticket_id] = await bench.add("a", wake=False)
        bench.store.hold()
        bench.dispatch.wake()
        bench.dispatch.worker_gone(worker.name, worker.incarnation)
        leaving = asyncio.ensure_future(bench.dispatch.runs_ended(worker.name))
        await asyncio.sleep(0)
        bench.store.let_go()
        await bench.settle()
        assert leaving.done()
        await nothing_was_begun(bench, ticket_id)

    with_bench(tmp_path, body)


def test_a_run_that_was_claimed_after_its_worker_s_goodbye_goes_back_with_its_end(
    tmp_path: Path,
) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        bench.crew.returning.add(worker.name)
        [ticket_id] = await bench.add("a", wake=False)
        bench.store.hold()
        bench.dispatch.wake()
        worker.say(link.Goodbye("drained"))
        bench.store.let_go()
        await bench.settle()
        assert (await bench.ticket(ticket_id)).state == "assigned"
        bench.crew.returning.clear()
        bench.dispatch.worker_gone(worker.name, worker.incarnation)
        await bench.settle()
        await nothing_was_begun(bench, ticket_id)

    with_bench(tmp_path, body)


def test_the_end_of_a_worker_waits_for_a_claim_that_is_under_way(
    tmp_path: Path,
) -> None:
    """Its row is dropped next, and nothing may hold it then."""

    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        await bench.add("a", wake=False)
        bench.store.hold()
        bench.dispatch.wake()
        bench.dispatch.worker_gone(worker.name, worker.incarnation)
        leaving = asyncio.ensure_future(bench.dispatch.runs_ended(worker.name))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not leaving.done()
        bench.store.let_go()
        await leaving
        now_ms = bench.clock.now_ms()
        await bench.store.do(lambda v: v.drop_workers([worker.name], now_ms=now_ms))

    with_bench(tmp_path, body)


async def nothing_was_begun(bench: Bench, ticket_id: int) -> None:
    """The ticket is ready again, and no attempt was counted."""
    ticket = await bench.ticket(ticket_id)
    [run] = await bench.runs(ticket_id)
    assert (ticket.state, run.failure) == ("ready", "shutdown")
    assert ticket.retry_count == 0
    assert len(bench.dispatch.live) == 0


def test_idle_and_busy_tell_whether_a_run_is_live(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        live = bench.dispatch.live
        await live.idle()
        worker = bench.worker()
        worker.hello()
        run = await bench.one_run(worker)
        await live.busy()
        assert (len(live), bench.dispatch.live_runs(worker.name)) == (1, [run.run_id])
        worker.say(finished(run, 1))
        await live.idle()
        assert bench.dispatch.live_runs(worker.name) == []

    with_bench(tmp_path, body)


def test_a_claim_under_way_is_not_idle(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        await bench.add("a", wake=False)
        bench.store.hold()
        bench.dispatch.wake()
        bench.dispatch.hold()
        drained = asyncio.ensure_future(bench.dispatch.idle())
        for _ in range(20):
            await asyncio.sleep(0)
        assert not drained.done()
        bench.store.let_go()
        await bench.settle()
        assert not drained.done()
        worker.say(finished(worker.runs[0], 1))
        await drained

    with_bench(tmp_path, body)


def test_runs_that_a_stopped_worker_leaves_are_marked_for_the_reaper(
    tmp_path: Path,
) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        run = await bench.one_run(worker)
        bench.dispatch.worker_gone(worker.name, worker.incarnation)
        leaving = asyncio.ensure_future(bench.dispatch.runs_ended(worker.name))
        await bench.settle()
        live = bench.dispatch.live.get(run.run_id)
        assert live is not None
        assert live.cancel == "shutdown"
        assert not leaving.done()
        bench.dispatch.end_unreported(live, LOST)
        await bench.settle()
        assert leaving.done()

    with_bench(tmp_path, body)


def test_a_worker_that_gives_a_run_back_unasked_gets_none_until_it_has_a_free_slot(
    tmp_path: Path,
) -> None:
    """As one does that somebody else has asked to leave."""

    async def body(bench: Bench) -> None:
        worker = bench.worker(slots=2)
        worker.hello()
        await bench.add("a", "b")
        kept, returned = worker.runs
        worker.say(finished(returned, 1, BACK))
        await bench.settle()
        bench.dispatch.wake()
        await bench.settle()
        assert len(worker.runs) == 2
        assert (await bench.ticket(returned.work.ticket_id)).state == "ready"
        worker.beat(kept)
        await bench.settle()
        assert worker.runs[-1].work.ticket_id == returned.work.ticket_id

    with_bench(tmp_path, body)


def test_slots_that_a_worker_says_are_taken_get_nothing(tmp_path: Path) -> None:
    """By a run that was dropped and has not ended, or because it leaves."""

    async def body(bench: Bench) -> None:
        worker = bench.worker(slots=2)
        worker.hello()
        run = await bench.one_run(worker)
        busy = link.Observation(run.run_id, run.epoch, "running", alive=True)
        worker.say(link.Heartbeat(0, (busy,)))
        await bench.add("a")
        assert len(worker.runs) == 1
        worker.beat(run)
        await bench.settle()
        assert len(worker.runs) == 2

    with_bench(tmp_path, body)
