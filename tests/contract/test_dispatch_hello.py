"""Who is let in, and how a worker's runs and the daemon's leases become the same."""

from pathlib import Path

import msgspec

from kanban_ipc import bounds, link
from kanban_ipc.link import Ack, Assign, Cancel, Drop, HelloWanted, Refused, Welcome
from kanban_ipc.words import Epoch, RunId, WorkerId
from support.dispatch_bench import (
    DONE,
    PROCESS,
    Bench,
    Worker,
    ack,
    finished,
    started,
    with_bench,
)


def hello_of(worker: Worker, **changes: object) -> link.Hello:
    hello = link.Hello(
        version=bounds.LINK_VERSION,
        worker_id=worker.name,
        incarnation=worker.incarnation,
        secret="secret",
        process=PROCESS,
        slots=1,
    )
    return msgspec.structs.replace(hello, **changes)


def known(assign: Assign) -> tuple[RunId, Epoch]:
    return assign.run_id, assign.epoch


def test_a_worker_is_welcomed_and_told_the_beat(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        [welcome] = worker.heard(Welcome)
        beat_s = bench.config.lease.heartbeat_s
        assert welcome == Welcome(bounds.LINK_VERSION, beat_s, "start")
        assert bench.crew.welcomed == ["worker-1"]
        assert bench.dispatch.connected("worker-1")

    with_bench(tmp_path, body)


def test_another_version_of_the_link_is_refused(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.say(hello_of(worker, version=bounds.LINK_VERSION + 1))
        [refused] = worker.heard(Refused)
        assert refused.code == "version"
        assert "restart the worker" in refused.reason
        assert not bench.dispatch.connected("worker-1")

    with_bench(tmp_path, body)


def test_a_hello_in_another_s_name_is_refused(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        liar = bench.worker()
        liar.say(hello_of(liar, worker_id=WorkerId("worker-2")))
        liar.say(hello_of(liar, incarnation="another"))
        assert [each.code for each in liar.heard(Refused)] == ["malformed"] * 2
        assert bench.crew.welcomed == []

    with_bench(tmp_path, body)


def test_whom_the_crew_does_not_know_is_refused_and_given_nothing(
    tmp_path: Path,
) -> None:
    async def body(bench: Bench) -> None:
        refusal = Refused("secret", "not the secret it was started with")
        bench.crew.refusals["worker-1"] = refusal
        worker = bench.worker()
        worker.hello()
        await bench.add("Do it")
        assert worker.news() == [refusal]

    with_bench(tmp_path, body)


def test_a_refused_hello_leaves_the_true_worker_s_session_alone(
    tmp_path: Path,
) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        bench.crew.refusals["worker-1"] = Refused("fenced", "an older start")
        bench.worker().hello()
        await bench.add("Do it")
        assert len(worker.runs) == 1

    with_bench(tmp_path, body)


def test_a_stranger_is_asked_for_its_hello_once_a_turn(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        stranger, other = bench.worker(), bench.worker("worker-2")
        beats = [link.Heartbeat(free=1)] * 5
        stranger.say(*beats)
        assert stranger.news() == [HelloWanted()]
        bench.dispatch.receive(stranger.peer, beats[0])
        other.say(*beats)
        assert stranger.news() == [HelloWanted()]
        assert other.news() == [HelloWanted()]

    with_bench(tmp_path, body)


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
        session, live = (
            bench.dispatch.sessions.of(heir.name),
            bench.dispatch.live.get(run.run_id),
        )
        assert session is not None
        assert live is not None
        bench.dispatch.adopt(live, session)
        assert known(heir.runs[0]) == known(run)
        first.news()
        first.hello(run)
        first.beat(run)
        assert [type(each) for each in first.news()] == [Welcome, link.Beat]
        assert len(heir.runs) == 1

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


def test_the_session_of_an_older_start_is_over(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        older, newer = bench.worker(), bench.worker()
        older.hello()
        newer.hello()
        older.news()
        older.beat()
        assert older.news() == [HelloWanted()]
        bench.dispatch.worker_gone(older.name, older.incarnation)
        assert bench.dispatch.connected("worker-1")
        bench.dispatch.worker_gone(newer.name, newer.incarnation)
        assert not bench.dispatch.connected("worker-1")

    with_bench(tmp_path, body)


def test_who_says_goodbye_is_given_nothing_more(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        worker.say(link.Goodbye("drained"))
        assert bench.crew.left == [("worker-1", "drained")]
        await bench.add("Do it")
        assert worker.runs == []

    with_bench(tmp_path, body)


def test_a_malformed_frame_is_answered_to_workers_and_not_to_strangers(
    tmp_path: Path,
) -> None:
    async def body(bench: Bench) -> None:
        worker, stranger = bench.worker(), bench.worker("worker-2")
        worker.hello()
        worker.news()
        bench.dispatch.malformed(worker.peer, "not a message")
        bench.dispatch.malformed(stranger.peer, "not a message")
        assert worker.news() == [Refused("malformed", "not a message")]
        assert stranger.news() == []

    with_bench(tmp_path, body)


def test_what_a_worker_says_of_its_run_is_shown(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.hello()
        run = await bench.one_run(worker)
        worker.say(link.Progress(run.run_id, run.epoch, 30, "thinking"))
        worker.beat(run, percent=40)
        worker.beat(run, percent=20)
        assert bench.dispatch.progress(run.run_id) == (40, "thinking")
        await bench.pass_by(16.0)
        [shown] = bench.dispatch.current("worker-1")
        assert (shown.ticket_id, shown.stale) == (run.work.ticket_id, "WARN")
        assert shown.running_s == 16.0
        assert bench.dispatch.heard_age_s("worker-1") == 16.0
        worker.say(finished(run, 1, DONE))
        await bench.settle()
        assert bench.dispatch.current("worker-1") == []
        assert bench.dispatch.progress(run.run_id) == (0, "")

    with_bench(tmp_path, body)
