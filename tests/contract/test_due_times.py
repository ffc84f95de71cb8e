"""Tickets whose time comes, whatever happens to the clocks."""

from pathlib import Path
from unittest.mock import patch

from kanban_ipc.control import NewTicket
from kanban_ipc.link import Result
from kanband.store.values import NewSchedule
from kanband.store.verbs import Verbs
from support.dispatch_bench import Bench, Worker, finished, started, with_bench

HOUR_S = 3_600.0
LATER = Result(outcome="error", failure="agent_error", agent_started_ms=1)


async def scheduled(bench: Bench, in_s: float) -> Worker:
    """A free worker, and a ticket for later, as ``add`` brings it."""
    worker = bench.worker()
    worker.hello()
    at_ms = bench.clock.now_ms() + round(in_s * 1000)
    await bench.add("Later", scheduled_at_ms=at_ms)
    bench.dispatch.due_at(at_ms)
    return worker


def test_a_ticket_is_given_out_when_its_time_comes(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = await scheduled(bench, 30.0)
        await bench.pass_by(29.9)
        assert worker.runs == []
        await bench.pass_by(0.1)
        assert len(worker.runs) == 1

    with_bench(tmp_path, body)


def test_no_sleep_is_longer_than_a_minute(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = await scheduled(bench, HOUR_S)
        for _ in range(61):
            await bench.pass_by(60.0)
        assert len(worker.runs) == 1
        assert max(bench.clock.delays) == 60.0

    with_bench(tmp_path, body)


def test_a_wall_clock_set_forward_is_noticed_within_a_minute(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = await scheduled(bench, HOUR_S)
        bench.clock.set_wall(+HOUR_S)
        await bench.pass_by(60.0)
        assert len(worker.runs) == 1

    with_bench(tmp_path, body)


def test_a_wall_clock_set_forward_is_noticed_at_the_next_beat(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = await scheduled(bench, HOUR_S)
        bench.clock.set_wall(+HOUR_S)
        bench.dispatch.awake()
        await bench.settle()
        assert len(worker.runs) == 1

    with_bench(tmp_path, body)


def test_a_beat_asks_the_store_only_if_the_clock_was_set(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        await scheduled(bench, HOUR_S)
        writes = bench.store.writes
        await bench.pass_by(20.0)
        bench.dispatch.awake()
        await bench.settle()
        assert bench.store.writes == writes
        bench.clock.set_wall(-HOUR_S)
        for _ in range(3):
            bench.dispatch.awake()
            await bench.settle()
        assert bench.store.writes == writes + 1

    with_bench(tmp_path, body)


def test_a_wall_clock_set_back_makes_nothing_early_and_nothing_busy(
    tmp_path: Path,
) -> None:
    async def body(bench: Bench) -> None:
        worker = await scheduled(bench, 30.0)
        bench.clock.set_wall(-300.0)
        timers = len(bench.clock.delays)
        await bench.pass_by(30.0)
        assert worker.runs == []
        assert len(bench.clock.delays) == timers + 1
        for _ in range(5):
            await bench.pass_by(60.0)
        assert len(worker.runs) == 1

    with_bench(tmp_path, body)


def test_the_earlier_of_two_times_counts(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = await scheduled(bench, 50.0)
        now_ms = bench.clock.now_ms()
        await bench.add("Sooner", scheduled_at_ms=now_ms + 20_000)
        bench.dispatch.due_at(now_ms + 20_000)
        bench.dispatch.due_at(now_ms + 40_000)
        bench.dispatch.due_at(None)
        await bench.pass_by(20.0)
        assert [run.work.title for run in worker.runs] == ["Sooner"]
        worker.say(finished(worker.runs[0], 1))
        await bench.pass_by(30.0)
        assert [run.work.title for run in worker.runs] == ["Sooner", "Later"]

    with_bench(tmp_path, body)


def test_a_time_that_has_passed_is_now(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = await scheduled(bench, 30.0)
        bench.clock.set_wall(+31.0)
        bench.dispatch.due_at(bench.clock.now_ms() - 2_000)
        await bench.pass_by(0.0)
        assert len(worker.runs) == 1

    with_bench(tmp_path, body)


def test_a_schedule_fires_by_itself_again_and_again(tmp_path: Path) -> None:
    """Each time sets the alarm for the next; one that comes while the last ticket is
    open, and those while no daemon is there, make none of their own.
    """

    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        first_s = await every_five_minutes(bench)
        await pass_whole(bench, first_s - 0.001)
        assert worker.runs == []
        await bench.pass_by(0.001)
        [run] = worker.runs
        assert run.work.title == "Again"
        worker.say(started(run), finished(run, 2))
        await bench.settle()
        await pass_whole(bench, 299.999)
        assert len(worker.runs) == 1
        await bench.pass_by(0.001)
        assert len(worker.runs) == 2
        await pass_whole(bench, 300.0)
        worker.say(started(worker.runs[1]), finished(worker.runs[1], 2))
        await bench.settle()
        assert len(worker.runs) == 2
        bench.dispatch.close()
        await pass_whole(bench, 450.0)
        await bench.restart()
        worker.hello()
        await bench.settle()
        assert len(worker.runs) == 3
        worker.say(started(worker.runs[2]), finished(worker.runs[2], 2))
        await pass_whole(bench, 149.999)
        assert len(worker.runs) == 3
        await bench.pass_by(0.001)
        assert len(worker.runs) == 4
        told = [one for one in await bench.journal() if one.startswith("schedule_")]
        fired, skipped = "schedule_fired", "schedule_skipped"
        assert told == ["schedule_added", fired, fired, skipped, fired, fired]

    with_bench(tmp_path, body)


async def every_five_minutes(bench: Bench) -> float:
    """A schedule as ``schedule add`` brings it; seconds until it fires first."""
    now_ms = bench.clock.now_ms()
    new = NewSchedule(
        cron="*/5 * * * *",
        zone="UTC",
        missed="once",
        ticket=NewTicket(title="Again"),
    )
    made = await bench.store.do(lambda verbs: verbs.add_schedule(new, now_ms=now_ms))
    assert made.next_at_ms is not None
    bench.dispatch.due_at(made.next_at_ms)
    return (made.next_at_ms - now_ms) / 1000


async def pass_whole(bench: Bench, seconds: float) -> None:
    """Time passes as it does: no timer is jumped over."""
    while seconds > 0:
        await bench.pass_by(min(seconds, 60.0))
        seconds -= 60.0


def test_a_store_that_refuses_is_asked_again(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = await scheduled(bench, 30.0)
        bench.store.full = True
        await bench.pass_by(30.0)
        await bench.pass_by(0.5)
        assert bench.store.refused >= 2
        bench.store.full = False
        await bench.pass_by(0.5)
        assert len(worker.runs) == 1

    with_bench(tmp_path, body)


def test_a_bug_in_what_falls_due_is_told_and_not_tried_for_ever(tmp_path: Path) -> None:
    def broken(_verbs: Verbs) -> None:
        raise AssertionError("a bug")

    async def body(bench: Bench) -> None:
        await scheduled(bench, 30.0)
        do = bench.store.do
        with patch.object(bench.store, "do", lambda _call: do(broken)):
            await bench.pass_by(30.0)
        assert [str(error) for error in bench.broken] == ["a bug"]
        asked = bench.store.writes
        await bench.pass_by(60.0)
        assert bench.store.writes == asked

    with_bench(tmp_path, body)


def test_a_failed_run_s_next_try_comes_by_itself(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        run = await bench.one_run(worker)
        worker.say(started(run), finished(run, 2, LATER))
        await bench.settle()
        due_ms = (await bench.ticket(run.work.ticket_id)).due_at_ms
        assert due_ms is not None
        await bench.pass_by((due_ms - bench.clock.now_ms() - 1) / 1000)
        assert len(worker.runs) == 1
        await bench.pass_by(0.001)
        assert [each.attempt for each in worker.runs] == [1, 2]

    with_bench(tmp_path, body)


def test_what_fell_due_while_no_daemon_was_there_is_given_out(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = await scheduled(bench, 30.0)
        bench.dispatch.close()
        await bench.pass_by(HOUR_S)
        assert worker.runs == []
        await bench.restart()
        worker.hello()
        await bench.settle()
        assert len(worker.runs) == 1

    with_bench(tmp_path, body)


def test_a_timer_that_was_closed_wakes_nobody(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        await scheduled(bench, 30.0)
        bench.dispatch.close()
        writes = bench.store.writes
        await bench.pass_by(HOUR_S)
        assert bench.store.writes == writes

    with_bench(tmp_path, body)
