"""Who is let in, and what is heard of those who are."""

from pathlib import Path

import msgspec
import pytest

from kanban_ipc import bounds, link
from kanban_ipc.link import HelloWanted, Refused, Welcome
from kanban_ipc.words import WorkerId
from support.dispatch_bench import (
    DONE,
    PROCESS,
    Bench,
    Worker,
    finished,
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


@pytest.mark.parametrize(("version", "taken"), [(0, False), (1, True), (3, False)])
def test_the_version_before_is_spoken_with_who_speaks_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int, taken: bool
) -> None:
    monkeypatch.setattr(bounds, "LINK_VERSION", 2)

    async def body(bench: Bench) -> None:
        worker = bench.worker()
        worker.say(hello_of(worker, version=version))
        if taken:
            assert worker.heard(Welcome)[0].version == version
        else:
            [refused] = worker.heard(Refused)
            assert "speaks version 1 to 2" in refused.reason

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
        bench.reception.receive(stranger.peer, beats[0])
        other.say(*beats)
        assert stranger.news() == [HelloWanted()]
        assert other.news() == [HelloWanted()]

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
        bench.reception.malformed(worker.peer, "not a message")
        bench.reception.malformed(stranger.peer, "not a message")
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
        mark = bench.dispatch.progress(run.run_id)
        assert mark is not None
        assert (mark.percent, mark.step) == (40, "thinking")
        await bench.pass_by(16.0)
        [shown] = bench.dispatch.current("worker-1")
        assert (shown.ticket_id, shown.stale) == (run.work.ticket_id, "WARN")
        assert shown.running_s == 16.0
        assert bench.dispatch.heard_age_s("worker-1") == 16.0
        worker.say(finished(run, 1, DONE))
        await bench.settle()
        assert bench.dispatch.current("worker-1") == []
        assert bench.dispatch.progress(run.run_id) is None

    with_bench(tmp_path, body)
