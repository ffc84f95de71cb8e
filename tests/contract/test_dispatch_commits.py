"""What workers report is acknowledged when it is committed, and not before."""

from pathlib import Path

import msgspec

from kanban_ipc import link
from kanban_ipc.bounds import LINK_FRAME_BYTES_MAX
from kanban_ipc.link import Ack, Assign, Drop, Result
from kanban_ipc.words import Epoch, RunId
from kanband.config.sections import AgentConfig
from support.dispatch_bench import (
    Bench,
    ack,
    finished,
    line,
    started,
    with_bench,
)

UNKNOWN = RunId("01920000-0000-7000-8000-00000000dead")
FAILED = Result(outcome="error", failure="auth", message="no", agent_started_ms=1)


def test_nothing_leaves_while_its_commit_is_under_way(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        run = await bench.one_run(worker)
        await bench.add("The next")
        worker.news()
        bench.store.hold()
        worker.say(started(run), line(run, 2))
        worker.say(finished(run, 3))
        for _ in range(3):
            worker.beat(run)
        assert {type(each) for each in worker.news()} == {link.Beat}
        bench.store.let_go()
        await bench.settle()
        said = worker.news()
        assert [each for each in said if isinstance(each, Ack)][-1] == ack(run, 3)
        assert isinstance(said[-1], Assign)

    with_bench(tmp_path, body)


def test_each_run_is_acknowledged_once_a_turn_and_cumulatively(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker(slots=2)
        worker.hello()
        await bench.add("a", "b")
        first, second = worker.runs
        worker.say(
            started(first), started(second), line(first, 2), line(first, 3, "end")
        )
        await bench.settle()
        assert worker.heard(Ack) == [ack(first, 3), ack(second, 1)]

    with_bench(tmp_path, body)


def test_a_result_that_could_not_be_committed_is_kept_and_tried_again(
    tmp_path: Path,
) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        run = await bench.one_run(worker)
        bench.store.full = True
        worker.say(started(run))
        await bench.settle()
        worker.say(line(run, 2), finished(run, 3))
        await bench.pass_by(0.5)
        assert bench.store.refused == 2
        assert worker.heard(Ack) == []
        bench.store.full = False
        await bench.pass_by(0.5)
        assert worker.heard(Ack) == [ack(run, 3)]
        assert (await bench.ticket(run.work.ticket_id)).state == "in_review"
        log = await bench.store.read(lambda r: r.run_log(run.run_id, limit=10))
        assert [each.seq for each in log] == [2]

    with_bench(tmp_path, body)


def test_what_could_not_be_committed_keeps_its_order(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        run = await bench.one_run(worker)
        bench.store.full = True
        for seq, text in enumerate(("one", "two", "three"), start=1):
            worker.say(line(run, seq, text))
            await bench.pass_by(0.5)
        bench.store.full = False
        await bench.pass_by(0.5)
        log = await bench.store.read(lambda r: r.run_log(run.run_id, limit=10))
        assert [each.message for each in log] == ["one", "two", "three"]
        assert worker.heard(Ack) == [ack(run, 3)]

    with_bench(tmp_path, body)


def test_the_first_of_two_results_counts_though_it_is_tried_twice(
    tmp_path: Path,
) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        run = await bench.one_run(worker)
        bench.store.full = True
        worker.say(finished(run, 2))  # Under way ...
        worker.say(finished(run, 3, FAILED))  # ... while this one comes.
        await bench.settle()
        bench.store.full = False
        await bench.pass_by(0.5)
        assert (await bench.ticket(run.work.ticket_id)).state == "in_review"
        assert worker.heard(Ack) == [ack(run, 3)]

    with_bench(tmp_path, body)


def test_a_full_store_is_asked_twice_a_second_however_much_comes(
    tmp_path: Path,
) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        run = await bench.one_run(worker)
        bench.store.full = True
        for seq in range(1, 20):
            worker.say(line(run, seq))
            await bench.settle()
        assert bench.store.refused == 1

    with_bench(tmp_path, body)


def test_a_repetition_is_not_acknowledged_before_the_first_is_committed(
    tmp_path: Path,
) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        run = await bench.one_run(worker)
        bench.store.hold()
        worker.say(started(run), finished(run))
        worker.say(started(run), finished(run))
        assert worker.heard(Ack) == []
        bench.store.let_go()
        await bench.settle()
        assert worker.heard(Ack) == [ack(run, 2)]
        assert not [kind for kind in await bench.journal() if "stale" in kind]

    with_bench(tmp_path, body)


def test_a_repetition_of_what_is_committed_is_acknowledged_at_once(
    tmp_path: Path,
) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        run = await bench.one_run(worker)
        worker.say(started(run), line(run, 2))
        await bench.settle()
        writes = bench.store.writes
        worker.say(started(run))
        assert worker.heard(Ack) == [ack(run, 2), ack(run, 2)]
        assert bench.store.writes == writes

    with_bench(tmp_path, body)


def test_a_repeated_end_is_acknowledged_and_lands_once(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        run = await bench.one_run(worker)
        worker.say(started(run), finished(run))
        await bench.settle()
        landed = await bench.ticket(run.work.ticket_id)
        journal = await bench.journal()
        worker.say(finished(run))
        await bench.settle()
        assert worker.heard(Ack) == [ack(run, 2), ack(run, 2)]
        assert worker.heard(Drop) == []
        assert await bench.ticket(run.work.ticket_id) == landed
        assert await bench.journal() == journal
        assert bench.crew.settled == ["worker-1"]

    with_bench(tmp_path, body)


def test_a_stale_end_is_journalled_acknowledged_and_dropped(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        run = await bench.one_run(worker)
        worker.say(link.Finished(run.run_id, Epoch(7), 9, 2, FAILED))
        worker.say(link.Finished(UNKNOWN, Epoch(1), 4, 2, FAILED))
        await bench.settle()
        assert worker.heard(Ack) == [
            Ack(run.run_id, Epoch(7), 9),
            Ack(UNKNOWN, Epoch(1), 4),
        ]
        assert worker.heard(Drop) == [
            Drop(run.run_id, Epoch(7)),
            Drop(UNKNOWN, Epoch(1)),
        ]
        assert (await bench.ticket(run.work.ticket_id)).state == "assigned"
        assert [kind for kind in await bench.journal() if "stale" in kind]

    with_bench(tmp_path, body)


def test_a_stale_start_or_line_is_acknowledged_and_changes_nothing(
    tmp_path: Path,
) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        run = await bench.one_run(worker)
        journal = await bench.journal()
        worker.say(link.Started(run.run_id, Epoch(7), 3, 1))
        worker.say(link.Log(UNKNOWN, Epoch(1), 4, 1, "info", "hm"))
        await bench.settle()
        assert worker.heard(Ack) == [
            Ack(run.run_id, Epoch(7), 3),
            Ack(UNKNOWN, Epoch(1), 4),
        ]
        assert await bench.journal() == journal

    with_bench(tmp_path, body)


def test_a_worker_cannot_speak_for_another_s_run(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker, liar = bench.worker("worker-1"), bench.worker("worker-2", slots=0)
        worker.hello()
        liar.hello()
        run = await bench.one_run(worker)
        liar.say(started(run), line(run, 2, "a lie"), finished(run, 3, FAILED))
        liar.say(link.Progress(run.run_id, run.epoch, 99))
        liar.beat(run, percent=99)
        await bench.settle()
        assert (await bench.ticket(run.work.ticket_id)).state == "assigned"
        mark = bench.dispatch.progress(run.run_id)
        assert mark is not None
        assert (mark.percent, mark.step) == (0, "")
        assert ack(run, 3) not in liar.heard(Ack)
        assert liar.heard(Drop) == [Drop(run.run_id, run.epoch)]
        worker.say(started(run), finished(run))
        await bench.settle()
        assert worker.heard(Ack) == [ack(run, 2)]
        assert (await bench.ticket(run.work.ticket_id)).state == "in_review"

    with_bench(tmp_path, body)


def test_the_store_s_trouble_is_told_as_long_as_it_lasts(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        run = await bench.one_run(worker)
        assert bench.dispatch.problems() == []
        bench.store.full = True
        worker.say(started(run))
        await bench.settle()
        [problem] = bench.dispatch.problems()
        assert "database or disk is full" in problem
        bench.store.full = False
        await bench.pass_by(0.5)
        assert bench.dispatch.problems() == []

    with_bench(tmp_path, body)


def test_an_assignment_that_cannot_be_sent_fails_alone(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        huge = AgentConfig(argv=("x" * LINK_FRAME_BYTES_MAX,))
        agents = {**bench.config.agents, "other": huge}
        bench.profiles.config = msgspec.structs.replace(bench.config, agents=agents)
        worker = bench.worker(slots=3)
        worker.hello()
        await bench.settle()
        before = await bench.add("a", wake=False)
        [bad] = await bench.add("too long", agent="other", wake=False)
        after = await bench.add("b")
        assert [run.work.ticket_id for run in worker.runs] == [*before, *after]
        ticket = await bench.ticket(bad)
        [run] = await bench.runs(bad)
        assert (ticket.state, run.failure) == ("failed", "setup")
        assert "shorten the texts" in run.message
        assert bench.broken == []

    with_bench(tmp_path, body)
