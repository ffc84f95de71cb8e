"""A ticket that can be done is given out, whatever happened when it came."""

from pathlib import Path

from kanban_ipc.control import NewTicket
from kanban_ipc.link import Assign
from kanban_ipc.words import WorkerId
from kanband.shell.live import LiveRun, Restriction
from support.dispatch_bench import DONE, Bench, finished, started, with_bench


def live(bench: Bench, run: Assign) -> LiveRun:
    found = bench.dispatch.live.get(run.run_id)
    assert found is not None
    return found


def test_a_free_slot_is_filled_at_once(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        await bench.settle()
        [ticket] = await bench.add("Do it")
        assert [run.work.ticket_id for run in worker.runs] == [ticket]
        assert (await bench.ticket(ticket)).state == "assigned"

    with_bench(tmp_path, body)


def test_a_ticket_that_came_while_the_only_worker_drained_is_given_to_the_next(
    tmp_path: Path,
) -> None:
    async def body(bench: Bench) -> None:
        leaving, coming = bench.worker("worker-1"), bench.worker("worker-2")
        leaving.hello()
        assert bench.dispatch.drain_worker(leaving.name, 60.0)
        await bench.settle()
        await bench.add("Do it")
        assert leaving.runs == []
        coming.hello()
        await bench.settle()
        assert len(coming.runs) == 1

    with_bench(tmp_path, body)


def test_a_ticket_that_only_a_later_worker_may_do_is_given_to_it(
    tmp_path: Path,
) -> None:
    async def body(bench: Bench) -> None:
        bench.crew.limits["worker-1"] = Restriction(frozenset(["other"]), None)
        bench.worker("worker-1").hello()
        await bench.settle()
        await bench.add("Not for the first")
        anyone = bench.worker("worker-2")
        anyone.hello()
        await bench.settle()
        assert len(anyone.runs) == 1

    with_bench(tmp_path, body)


def test_a_turn_that_carries_only_reports_swallows_no_wake(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        run = await bench.one_run(worker)
        await bench.add("The next")  # No slot is free: the wake waits.
        worker.say(started(run))
        await bench.settle()
        bench.dispatch.live.hand_over(live(bench, run), WorkerId("worker-2"))
        worker.beat()
        await bench.settle()
        assert [each.work.title for each in worker.runs] == ["A ticket", "The next"]

    with_bench(tmp_path, body)


def test_a_slot_that_a_transfer_frees_is_filled(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        run = await bench.one_run(worker)
        bench.crew.limits["worker-2"] = Restriction(frozenset(["other"]), None)
        bench.worker("worker-2").hello()
        await bench.add("Not for the second")  # It is free, so a claim is tried.
        heir = bench.worker("worker-3")
        heir.hello(draining=True)
        await bench.settle()
        await bench.hand_over(run, heir)
        await bench.settle()
        assert worker.runs[-1].work.title == "Not for the second"

    with_bench(tmp_path, body)


def test_a_wake_during_a_turn_is_not_lost(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        bench.store.hold()
        worker.hello()  # Its turn looks at an empty queue ...
        added = bench.store.do(
            lambda verbs: verbs.add([NewTicket(title="x")], ready=True, now_ms=1)
        )
        bench.dispatch.wake()
        bench.store.let_go()
        await bench.settle()
        assert added.done()
        assert len(worker.runs) == 1

    with_bench(tmp_path, body)


def test_what_a_result_sets_free_is_given_out(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        [first] = await bench.add("First", agent="noop")
        [second] = await bench.add("Second", depends_on=[first])
        assert len(worker.runs) == 1
        worker.say(started(worker.runs[0]), finished(worker.runs[0], 2, DONE))
        await bench.settle()
        assert (await bench.ticket(first)).state == "completed"
        assert worker.runs[-1].work.ticket_id == second

    with_bench(tmp_path, body)


def test_more_tickets_than_one_turn_takes_are_given_out_one_after_the_other(
    tmp_path: Path,
) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker(slots=2)
        worker.hello()
        tickets = await bench.add("a", "b", "c", "d", "e")
        for taken in range(5):
            run = worker.runs[taken]
            worker.say(started(run), finished(run))
            await bench.settle()
        assert [run.work.ticket_id for run in worker.runs] == tickets

    with_bench(tmp_path, body)


def test_a_refused_claim_is_tried_again(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        await bench.add("Do it", wake=False)
        bench.store.full = True
        bench.dispatch.wake()
        await bench.settle()
        assert "results of runs wait" in bench.dispatch.problems()[0]
        bench.store.full = False
        await bench.pass_by(0.5)
        assert len(worker.runs) == 1
        assert bench.dispatch.problems() == []

    with_bench(tmp_path, body)
