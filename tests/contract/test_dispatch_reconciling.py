"""How the runs that a worker has and the leases that the daemon has become the same."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from kanban_ipc import link
from kanban_ipc.link import Ack, Assign, Cancel, Drop, Result, Welcome
from kanban_ipc.words import Epoch, RunId
from kanband.store.errors import StoreFailed
from support.dispatch_bench import Bench, ack, finished, line, started, with_bench


def known(assign: Assign) -> tuple[RunId, Epoch]:
    return assign.run_id, assign.epoch


def test_a_run_that_is_missing_from_hello_is_assigned_again_to_adopt(
    tmp_path: Path,
) -> None:
    async def body(bench: Bench) -> None:
        first = bench.worker()
        first.hello()
        run = await bench.one_run(first)
        assert not run.adopt
        first.say(started(run))
        await bench.settle()
        second = bench.worker()
        second.hello()
        [again] = second.runs
        assert known(again) == known(run)
        assert again.adopt

    with_bench(tmp_path, body)


def test_a_run_that_is_held_is_neither_assigned_again_nor_dropped(
    tmp_path: Path,
) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        run = await bench.one_run(worker)
        worker.news()
        worker.hello(run)
        assert [type(each) for each in worker.news()] == [Welcome]

    with_bench(tmp_path, body)


def test_a_starting_daemon_takes_over_the_leases(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker(slots=2)
        worker.hello()
        await bench.add("a", "b")
        kept, lost = worker.runs
        worker.say(started(kept))
        await bench.settle()
        await bench.restart()
        worker.news()
        worker.hello(kept)
        await bench.settle()
        [again] = [each for each in worker.news() if isinstance(each, Assign)]
        assert known(again) == known(lost)
        assert again.adopt
        worker.say(started(kept), finished(kept))
        await bench.settle()
        assert worker.heard(Ack)[-1] == ack(kept, 2)

    with_bench(tmp_path, body)


def test_an_unknown_run_is_dropped(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        run = await bench.one_run(worker)
        worker.say(started(run), finished(run))
        await bench.settle()
        older = msgspec.structs.replace(run, epoch=Epoch(0))
        worker.hello(run, older)
        assert worker.heard(Drop) == [
            Drop(run.run_id, run.epoch),
            Drop(run.run_id, Epoch(0)),
        ]

    with_bench(tmp_path, body)


def test_a_run_that_another_has_adopted_is_neither_dropped_nor_assigned(
    tmp_path: Path,
) -> None:
    async def body(bench: Bench) -> None:
        first, heir = bench.worker("worker-1"), bench.worker("worker-2")
        first.hello()
        run = await bench.one_run(first)
        heir.hello()
        await bench.hand_over(run, heir)
        assert known(heir.runs[0]) == known(run)
        ending = await bench.cancel(run)
        first.news()
        first.hello(run)
        first.beat(run)
        assert [type(each) for each in first.news()] == [Welcome, link.Beat]
        assert len(heir.runs) == len(heir.heard(Cancel)) == 1
        ending.cancel()

    with_bench(tmp_path, body)


def test_a_line_of_who_holds_the_run_no_more_is_not_acknowledged(
    tmp_path: Path,
) -> None:
    """It would delete the spooled file behind it, which the heir has not delivered."""

    async def body(bench: Bench) -> None:
        first, heir = bench.worker("worker-1"), bench.worker("worker-2")
        first.hello()
        run = await bench.one_run(first)
        heir.hello()
        await bench.hand_over(run, heir)
        first.say(started(run), line(run, 2))
        await bench.settle()
        assert first.heard(Ack) == []
        heir.say(started(run), line(run, 2))
        await bench.settle()
        assert heir.heard(Ack)[-1] == ack(run, 2)
        heir.say(finished(run, 3))
        await bench.settle()
        first.beat(run)
        assert first.heard(Drop) == [Drop(run.run_id, run.epoch)]

    with_bench(tmp_path, body)


def test_a_transfer_that_fails_leaves_the_run_to_the_worker_that_is_back(
    tmp_path: Path,
) -> None:
    async def body(bench: Bench) -> None:
        first, heir = bench.worker("worker-1"), bench.worker("worker-2")
        first.hello()
        run = await bench.one_run(first)
        heir.hello()
        bench.dispatch.worker_gone(first.name, first.incarnation)
        moving: asyncio.Future[list[RunId]] = asyncio.Future()
        live = bench.dispatch.live.get(run.run_id)
        assert live is not None
        moved = asyncio.ensure_future(bench.dispatch.adopt(live, heir.name, moving))
        await asyncio.sleep(0)
        back = bench.worker("worker-1")
        back.hello()
        assert back.runs == []
        moving.set_exception(StoreFailed("no room"))
        with pytest.raises(StoreFailed):
            await moved
        await bench.pass_by(2 * bench.profiles.beats.beat_s)
        back.beat()
        assert [known(each) for each in back.runs] == [known(run)]

    with_bench(tmp_path, body)


def test_a_cancelled_run_is_told_so_on_hello(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker(slots=2)
        worker.hello()
        await bench.add("a", "b")
        held, lost = worker.runs
        worker.say(started(held), started(lost))
        await bench.settle()
        bench.dispatch.worker_gone(worker.name, worker.incarnation)
        endings = [await bench.cancel(run) for run in (held, lost)]
        back = bench.worker(slots=2)
        back.hello(held)
        [order] = back.heard(Cancel)
        assert (order.run_id, order.failure) == (held.run_id, "cancelled")
        [again] = back.runs
        assert (again.run_id, again.adopt, again.cancel) == (lost.run_id, True, True)
        assert not any(ending.done() for ending in endings)
        back.say(finished(held), finished(lost))
        await bench.settle()
        assert all(ending.done() for ending in endings)
        assert (await bench.ticket(held.work.ticket_id)).state == "cancelled"

    with_bench(tmp_path, body)


def test_a_cancellation_outlives_the_daemon(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        run = await bench.one_run(worker)
        worker.say(started(run))
        (await bench.cancel(run)).cancel()
        await bench.restart()
        worker.news()
        worker.hello(run)
        assert [type(each) for each in worker.news()] == [Welcome, Cancel]

    with_bench(tmp_path, body)


def test_an_assignment_that_was_lost_on_the_way_is_sent_again_after_a_beat(
    tmp_path: Path,
) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        await bench.one_run(worker)
        worker.beat()
        assert len(worker.runs) == 1
        await bench.pass_by(bench.config.lease.heartbeat_s + 1)
        worker.beat()
        assert len(worker.runs) == 2
        worker.beat()
        assert len(worker.runs) == 2

    with_bench(tmp_path, body)


def test_an_assignment_that_could_not_be_queued_is_sent_with_the_next_beat(
    tmp_path: Path,
) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        run = await bench.one_run(worker)
        bench.sender.gone.add(worker.peer)
        await bench.pass_by(bench.config.lease.heartbeat_s + 1)
        worker.beat()
        bench.sender.gone.clear()
        worker.beat()
        assert [known(each) for each in worker.runs] == [known(run)] * 2

    with_bench(tmp_path, body)


def test_a_run_that_an_earlier_start_of_its_worker_had_is_adopted_by_the_next(
    tmp_path: Path,
) -> None:
    """Nothing of its start had reached the daemon: only the disk knows of it."""

    async def body(bench: Bench) -> None:
        first = bench.worker()
        first.hello()
        run = await bench.one_run(first)
        first.say(line(run, 1), line(run, 2), line(run, 3), line(run, 4))
        await bench.settle()
        second = bench.worker()
        bench.sender.gone.add(second.peer)
        second.hello()
        bench.sender.gone.clear()
        second.beat()
        [again] = second.runs
        assert (known(again), again.adopt) == (known(run), True)

    with_bench(tmp_path, body)


def test_a_run_that_never_came_to_its_worker_is_begun_and_not_adopted(
    tmp_path: Path,
) -> None:
    """Nothing is to be found of it; of a call, that would be taken for its loss."""

    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        await bench.one_run(worker)
        await bench.pass_by(bench.config.lease.heartbeat_s + 1)
        worker.beat()
        assert [run.adopt for run in worker.runs] == [False, False]

    with_bench(tmp_path, body)


def test_an_end_that_is_numbered_like_earlier_words_is_an_end(tmp_path: Path) -> None:
    """Of an incarnation that counts from 1 again."""

    async def body(bench: Bench) -> None:
        first = bench.worker()
        first.hello()
        run = await bench.one_run(first)
        first.say(*[line(run, seq) for seq in range(1, 5)])
        await bench.settle()
        second = bench.worker()
        second.hello()
        second.say(started(run), finished(run, 3))
        await bench.settle()
        assert (await bench.ticket(run.work.ticket_id)).state == "in_review"
        assert second.heard(Ack)[-1].seq >= 3
        assert bench.dispatch.live.get(run.run_id) is None

    with_bench(tmp_path, body)


def test_a_run_whose_end_is_on_its_way_is_not_given_out_again(tmp_path: Path) -> None:
    """It was declined, so nothing on disk would keep the next start from doing it."""
    declined = Result(outcome="aborted", failure="shutdown", message="not begun")

    async def body(bench: Bench) -> None:
        leaving = bench.worker()
        leaving.hello()
        run = await bench.one_run(leaving)
        bench.store.hold()
        leaving.say(finished(run, 1, declined))
        bench.dispatch.worker_gone(leaving.name, leaving.incarnation)
        again = bench.worker()
        again.hello()
        assert again.runs == []
        again.beat()
        bench.clock.pass_by(3 * bench.config.lease.heartbeat_s)
        again.beat()
        assert again.runs == []
        bench.store.let_go()
        await bench.settle()
        assert [each.epoch for each in again.runs] == [run.epoch + 1]

    with_bench(tmp_path, body)


def test_a_run_that_was_declined_while_it_changed_hands_is_not_begun(
    tmp_path: Path,
) -> None:
    async def body(bench: Bench) -> None:
        worker, heir = bench.worker(), bench.worker("worker-2", slots=2)
        worker.hello()
        run = await bench.one_run(worker)
        heir.hello(draining=True)
        bench.store.hold()
        changing = asyncio.ensure_future(bench.hand_over(run, heir))
        await asyncio.sleep(0)
        declined = Result(outcome="aborted", failure="shutdown")
        worker.say(finished(run, 1, declined))
        bench.store.let_go()
        await changing
        await bench.settle()
        assert heir.runs == []
        assert (await bench.ticket(1)).state == "ready"

    with_bench(tmp_path, body)
