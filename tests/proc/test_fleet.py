"""The fleet with a real spawner, real workers, a real store and a real link."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from kanban_ipc import guests, layout
from kanban_ipc.control import WorkerInfo
from kanban_ipc.link import Hello, ProcessId
from kanban_ipc.words import WorkerId
from kanband.config import LeaseConfig
from kanband.shell.fleet import NotManaged
from kanband.shell.identity import process_id
from kanband.shell.live import Restriction
from kanband.shell.spawn_requests import RISING_MAX
from kanband.store.errors import StoreFailed
from kanband.store.values import WorkerRow
from support import forkless_spawner, traces
from support.crew_bench import CrewBench, Daemon, eventually

Bench = Callable[..., CrewBench]
TINY = "support.tiny_workers"
W1, W2 = WorkerId("worker-1"), WorkerId("worker-2")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made: list[CrewBench] = []

    def make(**workers: float) -> CrewBench:
        made.append(CrewBench(tmp_path, **workers))
        return made[-1]

    yield make
    for each in made:
        each.close()


def pid_of(info: WorkerInfo) -> int:
    assert info.pid is not None
    return info.pid


async def start_more(daemon: Daemon, count: int) -> list[WorkerInfo]:
    return await daemon.fleet.start(
        None, count=count, slots=None, agents=[], repo=None, wait=True
    )


async def start_one(daemon: Daemon, worker_id: str, *, wait: bool = True) -> WorkerInfo:
    [info] = await daemon.fleet.start(
        worker_id, count=1, slots=None, agents=[], repo=None, wait=wait
    )
    return info


# ------------------------------------------------------------------------- starting


def test_the_configured_number_of_workers_runs(bench: Bench) -> None:
    async def scenario() -> None:
        async with bench().daemon(worker_count=2) as daemon:
            first = await daemon.until("RUNNING")
            second = await daemon.until("RUNNING", W2)
            assert (first.activity, first.wanted, first.connected) == (
                "idle",
                "run",
                True,
            )
            assert first.rss_bytes
            assert first.uptime_s is not None
            assert first.last_exit is None
            assert pid_of(first) != pid_of(second)
            assert daemon.fleet.problems() == []
            await daemon.fleet.shut_down(now=True)
            assert daemon.fleet.spawner_pid is None

    asyncio.run(scenario())


def test_started_workers_get_the_lowest_free_names_and_their_options(
    bench: Bench,
) -> None:
    async def scenario() -> None:
        async with bench().daemon() as daemon:
            infos = await daemon.fleet.start(
                None,
                count=2,
                slots=3,
                agents=["noop"],
                repo="/repo",
                labels=["gpu"],
                wait=True,
            )
            assert [i.worker_id for i in infos] == ["worker-2", "worker-3"]
            assert {i.state for i in infos} == {"RUNNING"}
            assert {(i.slots, i.repo) for i in infos} == {(3, "/repo")}
            assert daemon.fleet.door.restriction(W2) == Restriction(
                frozenset({"noop"}), "/repo", frozenset({"gpu"})
            )
            assert daemon.fleet.door.restriction(W1) == Restriction()

    asyncio.run(scenario())


def test_six_deaths_before_hello_are_fatal_and_their_last_words_are_kept(
    bench: Bench,
) -> None:
    async def scenario() -> None:
        fixture = bench()
        fixture.use_worker(f"{TINY}:dies")
        async with fixture.daemon() as daemon:
            info = await daemon.until("FATAL")
            assert info.last_exit is not None
            assert info.last_exit.code == 3
            assert "exit code 3 before hello" in info.last_exit.reason
            assert info.last_exit.last_lines == ["worker-1 cannot: out of luck"]
            assert fixture.log().count("out of luck") == 6
            [problem] = daemon.fleet.problems()
            assert "worker-1 is FATAL" in problem
            assert "out of luck" in problem
            assert "kanbanctl reset-failed worker-1" in problem
            assert not daemon.fleet.returns(W1)

            # A start waits for FATAL too, instead of for ever.
            assert (await start_one(daemon, "worker-1")).state == "FATAL"
            assert fixture.log().count("out of luck") == 12
            await daemon.fleet.reset_failed([])
            assert daemon.worker().state != "FATAL"
            await daemon.until("FATAL")

        async with fixture.daemon() as daemon:
            assert daemon.worker().state == "FATAL"
            await daemon.fleet.shut_down(now=True)
        async with fixture.daemon() as daemon:
            assert daemon.worker().state == "FATAL"

    asyncio.run(scenario())


def test_a_worker_that_never_says_hello_is_killed_and_started_again(
    bench: Bench,
) -> None:
    async def scenario() -> None:
        fixture = bench(start_timeout_s=0.2)
        fixture.use_worker(f"{TINY}:is_mute")
        async with fixture.daemon() as daemon:
            await eventually(lambda: daemon.worker().last_exit, "an end")
            exit_ = daemon.worker().last_exit
            assert exit_ is not None
            assert "no hello within 0.2 s" in exit_.reason
            assert exit_.signal == signal.SIGABRT
            # Its stack, by faulthandler.
            assert any("tiny_workers.py" in line for line in exit_.last_lines)

    asyncio.run(scenario())


def test_the_time_of_our_own_absence_is_not_the_worker_s(bench: Bench) -> None:
    async def scenario() -> None:
        fixture = bench(start_timeout_s=1.0)
        fixture.use_worker(f"{TINY}:is_mute")
        lease = LeaseConfig(heartbeat_s=0.1)
        fixture.config = msgspec.structs.replace(fixture.config, lease=lease)
        async with fixture.daemon() as daemon:
            await eventually(lambda: daemon.worker().pid, "its process")
            time.sleep(1.2)  # noqa: ASYNC251 - our loop is away
            back = time.monotonic()
            await eventually(lambda: daemon.worker().last_exit, "an end")
            assert time.monotonic() - back >= 1.0

    asyncio.run(scenario())


def test_a_pool_comes_up_a_few_at_a_time_and_whole(bench: Bench) -> None:
    """Nobody is asked for before there is room for it."""

    async def scenario() -> None:
        count = RISING_MAX + 2
        async with bench().daemon(worker_count=count) as daemon:
            names = [f"worker-{number}" for number in range(1, count + 1)]
            rising = 0
            while (states := [daemon.worker(n).state for n in names]) != [
                "RUNNING"
            ] * count:
                begun = [n for n in names if daemon.worker(n).pid is not None]
                rising = max(rising, len(begun) - states.count("RUNNING"))
                await asyncio.sleep(0.001)
            assert 0 < rising <= RISING_MAX
            assert {daemon.worker(n).restart_count for n in names} == {0}
            await daemon.fleet.shut_down(now=True)

    asyncio.run(scenario())


def test_without_a_spawner_nothing_starts_and_the_reason_is_told(bench: Bench) -> None:
    async def scenario() -> None:
        fixture = bench()
        fixture.use_worker("no_such_module:run")
        async with fixture.daemon() as daemon:
            await eventually(daemon.fleet.problems, "a problem")
            [problem] = daemon.fleet.problems()
            assert "No module named 'no_such_module'" in problem
            assert "spawner.log" in problem
            assert daemon.worker().state == "STARTING"

    asyncio.run(scenario())


def test_a_worker_that_gets_no_process_is_tried_again_and_never_fatal(
    bench: Bench,
) -> None:
    async def scenario() -> None:
        fixture = bench(backoff_initial_s=0.01, backoff_max_s=0.05)
        fixture.command = (sys.executable, "-m", "support.forkless_spawner")
        flag = fixture.state / forkless_spawner.REFUSED
        flag.touch()
        async with fixture.daemon() as daemon:
            await eventually(lambda: daemon.worker().restart_count > 8, "many tries")
            [problem] = daemon.fleet.problems()
            assert problem.startswith("worker-1 could not be started: fork: Resource")
            assert daemon.worker().state != "FATAL"
            flag.unlink()
            await daemon.until("RUNNING")
            assert daemon.fleet.problems() == []

    asyncio.run(scenario())


# ------------------------------------------------------------------------- restarting


def test_a_killed_worker_is_replaced_at_once_and_its_exit_is_known(
    bench: Bench,
) -> None:
    async def scenario() -> None:
        async with bench().daemon() as daemon:
            before = await daemon.until("RUNNING")
            os.kill(pid_of(before), signal.SIGKILL)
            after = await daemon.until("RUNNING", other_than=before.pid)
            assert after.restart_count == 1
            assert after.last_exit is not None
            assert after.last_exit.signal == signal.SIGKILL
            assert after.last_exit.reason == "killed by SIGKILL"

    asyncio.run(scenario())


def test_the_end_of_one_is_nothing_to_the_others(bench: Bench) -> None:
    async def scenario() -> None:
        async with bench().daemon(worker_count=2) as daemon:
            one, other = (
                await daemon.until("RUNNING"),
                await daemon.until("RUNNING", W2),
            )
            os.kill(pid_of(one), signal.SIGKILL)
            await daemon.until("RUNNING", other_than=one.pid)
            same = daemon.worker(W2)
            assert (same.pid, same.state, same.restart_count) == (
                other.pid,
                "RUNNING",
                0,
            )

    asyncio.run(scenario())


def test_a_worker_that_hangs_in_a_call_shows_where_in_its_last_exit(
    bench: Bench,
) -> None:
    """Silent but alive: its stack is asked for before it is killed."""

    async def scenario() -> None:
        fixture = bench()
        fixture.use_worker(f"{TINY}:hangs_after_a_second")
        lease = LeaseConfig(heartbeat_s=0.1, warn_beats=1, stale_beats=5)
        fixture.config = msgspec.structs.replace(fixture.config, lease=lease)
        async with fixture.daemon() as daemon:
            await eventually(lambda: daemon.worker().last_exit, "an end")
            exit_ = daemon.worker().last_exit
            assert exit_ is not None
            assert "alive but silent" in exit_.reason
            assert exit_.signal == signal.SIGABRT
            assert any("in hang" in line for line in exit_.last_lines)

    asyncio.run(scenario())


def test_a_worker_that_leaves_by_itself_is_started_again(bench: Bench) -> None:
    async def scenario() -> None:
        async with bench().daemon() as daemon:
            before = await daemon.until("RUNNING")
            os.kill(pid_of(before), signal.SIGTERM)
            after = await daemon.until("RUNNING", other_than=before.pid)
            assert after.last_exit is not None
            assert after.last_exit.code == 0
            assert "left by itself" in after.last_exit.reason

    asyncio.run(scenario())


def test_deaths_in_a_row_are_answered_more_and_more_slowly(bench: Bench) -> None:
    async def scenario() -> None:
        async with bench(backoff_initial_s=30.0).daemon() as daemon:
            before = await daemon.until("RUNNING")
            os.kill(pid_of(before), signal.SIGKILL)
            again = await daemon.until("RUNNING", other_than=before.pid)
            os.kill(pid_of(again), signal.SIGKILL)
            waits = await daemon.until("BACKOFF")
            assert waits.next_start_in_s is not None
            assert 20 < waits.next_start_in_s <= 36
            # A person need not wait.
            assert (await start_one(daemon, "worker-1")).state == "RUNNING"

    asyncio.run(scenario())


def test_a_worker_that_lives_but_is_silent_is_put_down_and_replaced(
    bench: Bench,
) -> None:
    async def scenario() -> None:
        fixture = bench()
        lease = LeaseConfig(heartbeat_s=0.1, warn_beats=1, stale_beats=3)
        fixture.config = msgspec.structs.replace(fixture.config, lease=lease)
        async with fixture.daemon() as daemon:
            before = await daemon.until("RUNNING")
            os.kill(pid_of(before), signal.SIGSTOP)
            after = await daemon.until("RUNNING", other_than=before.pid)
            assert after.last_exit is not None
            assert "alive but silent" in after.last_exit.reason
            assert after.last_exit.signal == signal.SIGKILL

    asyncio.run(scenario())


def test_a_killed_spawner_is_replaced_and_workers_do_not_notice(bench: Bench) -> None:
    async def scenario() -> None:
        async with bench().daemon() as daemon:
            before = await daemon.until("RUNNING")
            spawner = daemon.fleet.spawner_pid
            assert spawner is not None
            os.kill(spawner, signal.SIGKILL)
            await eventually(
                lambda: daemon.fleet.spawner_pid not in {None, spawner}, "a new one"
            )
            assert daemon.worker().pid == before.pid
            assert daemon.worker().restart_count == 0
            # Its end is seen by pidfd, its code by nobody.
            os.kill(pid_of(before), signal.SIGKILL)
            after = await daemon.until("RUNNING", other_than=before.pid)
            assert after.last_exit is not None
            assert after.last_exit.reason == "exit not observed"
            assert (after.last_exit.code, after.last_exit.signal) == (None, None)

    asyncio.run(scenario())


def test_a_spawner_that_hangs_is_replaced(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kanband.shell.spawn_requests.ANSWER_WAIT_S", 0.3)

    async def scenario() -> None:
        async with bench().daemon() as daemon:
            await daemon.until("RUNNING")
            spawner = daemon.fleet.spawner_pid
            assert spawner is not None
            os.kill(spawner, signal.SIGSTOP)
            infos = await start_more(daemon, 2)
            assert {info.state for info in infos} == {"RUNNING"}
            assert not traces.alive(spawner)

    asyncio.run(scenario())


# --------------------------------------------------------------------------- stopping


def test_a_stop_is_proven_and_stays_over_a_restart_of_the_daemon(bench: Bench) -> None:
    async def scenario() -> None:
        fixture = bench()
        async with fixture.daemon(worker_count=2) as daemon:
            info = await daemon.until("RUNNING")
            await daemon.until("RUNNING", W2)
            [proof] = await daemon.fleet.stop(["worker-1"], now=False, wait=True)
            assert (proof.state, proof.survivors, proof.proof) == (
                "STOPPED",
                [],
                "subreaper",
            )
            assert proof.signalled == ["drain 5 s"]
            assert not proof.escalated
            assert not traces.alive(pid_of(info))
            stopped = daemon.worker()
            assert stopped.last_exit is not None
            assert "stopped on request" in stopped.last_exit.reason

        async with fixture.daemon(worker_count=2) as daemon:
            await daemon.until("RUNNING", W2)
            stopped = daemon.worker()
            assert (stopped.state, stopped.wanted) == ("STOPPED", "stop")
            assert (await start_one(daemon, "worker-1")).state == "RUNNING"

    asyncio.run(scenario())


@pytest.mark.usefixtures("short_margin")
def test_a_worker_that_does_not_obey_is_killed_by_the_deadline(bench: Bench) -> None:
    async def scenario() -> None:
        fixture = bench(start_timeout_s=60.0, grace_s=0.1)
        fixture.use_worker(f"{TINY}:is_mute")
        async with fixture.daemon() as daemon:
            await eventually(lambda: daemon.worker().pid, "a process")
            pid = pid_of(daemon.worker())
            await eventually(lambda: "mute" in _text(fixture), "its words")
            [proof] = await daemon.fleet.stop(["worker-1"], now=True, wait=True)
            term, kill = f"SIGTERM {pid}", f"SIGKILL {pid}"
            assert proof.signalled == [term, term, kill]
            assert proof.escalated
            assert proof.survivors == []
            assert daemon.worker().state == "STOPPED"

    def _text(fixture: CrewBench) -> str:
        path = fixture.state / layout.LOGS_DIR / "worker-1.log"
        return path.read_text() if path.exists() else ""

    asyncio.run(scenario())


@pytest.fixture
def short_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kanband.core.stopping.MARGIN_S", 1.0)


@pytest.mark.usefixtures("short_margin")
def test_a_slow_stop_blocks_no_other_command(bench: Bench) -> None:
    async def scenario() -> None:
        async with bench(stop_timeout_s=60.0).daemon(worker_count=2) as daemon:
            slow = await daemon.until("RUNNING")
            await daemon.until("RUNNING", W2)
            os.kill(pid_of(slow), signal.SIGSTOP)
            stopping = asyncio.ensure_future(
                daemon.fleet.stop(["worker-1"], now=False, wait=True)
            )
            await daemon.until("STOPPING")
            [so_far] = await daemon.fleet.stop(["worker-1"], now=False, wait=False)
            assert so_far.state == "STOPPING"
            infos, [proof] = await daemon.fleet.restart(
                ["worker-2"], now=False, wait=True
            )
            assert infos[0].state == "RUNNING"
            assert proof.survivors == []
            assert not stopping.done()
            # Hurried, it is over within the grace.
            [proof] = await daemon.fleet.stop(["worker-1"], now=True, wait=True)
            assert proof.escalated
            assert proof.signalled[0] == "drain 60 s"
            assert proof.signalled[-1] == f"SIGKILL {slow.pid}"
            assert await stopping == [proof]

    asyncio.run(scenario())


def test_a_worker_is_stopped_before_it_was_ever_started(bench: Bench) -> None:
    async def scenario() -> None:
        fixture = bench()
        fixture.use_worker("no_such_module:run")
        async with fixture.daemon() as daemon:
            await daemon.until("STARTING")
            [proof] = await daemon.fleet.stop(["worker-1"], now=True, wait=True)
            assert (proof.state, proof.survivors) == ("STOPPED", [])

    asyncio.run(scenario())


def test_stopping_what_has_no_process_is_proven_at_once(bench: Bench) -> None:
    async def scenario() -> None:
        fixture = bench()
        fixture.use_worker(f"{TINY}:dies")
        async with fixture.daemon() as daemon:
            await daemon.until("FATAL")
            for _ in range(2):
                [proof] = await daemon.fleet.stop(["worker-1"], now=False, wait=True)
                assert (proof.state, proof.signalled) == ("STOPPED", [])
                assert proof.proof == "subreaper"

    asyncio.run(scenario())


def test_scaling_down_forgets_and_scaling_up_makes_anew(bench: Bench) -> None:
    async def scenario() -> None:
        fixture = bench()
        async with fixture.daemon() as daemon:
            infos, proofs = await daemon.fleet.scale(3, now=False, wait=True)
            assert [i.worker_id for i in infos] == ["worker-1", "worker-2", "worker-3"]
            assert proofs == []
            infos, proofs = await daemon.fleet.scale(1, now=True, wait=True)
            assert [i.worker_id for i in infos] == ["worker-1"]
            assert sorted(p.worker_id for p in proofs) == ["worker-2", "worker-3"]
            assert not daemon.fleet.known("worker-3")

        # The number that a person chose overrides the configuration.
        async with fixture.daemon(worker_count=5) as daemon:
            assert len(daemon.fleet.infos()) == 1
            infos, _ = await daemon.fleet.scale(0, now=True, wait=True)
            assert infos == []

        async with fixture.daemon(worker_count=5) as daemon:
            assert daemon.fleet.infos() == []

    asyncio.run(scenario())


def test_the_configuration_decides_until_a_person_does(bench: Bench) -> None:
    async def scenario() -> None:
        fixture = bench()
        async with fixture.daemon(worker_count=2) as daemon:
            await daemon.until("RUNNING", W2)
        async with fixture.daemon(worker_count=3) as daemon:
            await daemon.until("RUNNING", "worker-3")
        async with fixture.daemon(worker_count=1) as daemon:
            await eventually(lambda: len(daemon.fleet.infos()) == 1, "two to go")
            assert (await daemon.until("RUNNING")).restart_count == 0

    asyncio.run(scenario())


# --------------------------------------------------------------------------- adoption


def test_a_new_daemon_adopts_living_workers(bench: Bench) -> None:
    async def scenario() -> None:
        fixture = bench()
        async with fixture.daemon(worker_count=2) as daemon:
            first = await daemon.until("RUNNING")
            second = await daemon.until("RUNNING", W2)
            spawner = daemon.fleet.spawner_pid
        async with fixture.daemon(worker_count=2) as daemon:
            assert {i.state for i in daemon.fleet.infos()} <= {"STARTING", "RUNNING"}
            await daemon.until("RUNNING")
            await daemon.until("RUNNING", W2)
            pids = [i.pid for i in daemon.fleet.infos()]
            assert pids == [first.pid, second.pid]
            assert daemon.fleet.spawner_pid == spawner

    asyncio.run(scenario())


def test_a_new_daemon_adopts_workers_whose_spawner_has_died_too(bench: Bench) -> None:
    async def scenario() -> None:
        fixture = bench()
        async with fixture.daemon() as daemon:
            before = await daemon.until("RUNNING")
            spawner = daemon.fleet.spawner_pid
            assert spawner is not None
        os.kill(spawner, signal.SIGKILL)
        traces.await_end(spawner)
        async with fixture.daemon() as daemon:
            after = await daemon.until("RUNNING")
            assert after.pid == before.pid

    asyncio.run(scenario())


def test_a_worker_that_died_while_no_daemon_was_there_is_replaced_and_its_exit_known(
    bench: Bench,
) -> None:
    async def scenario() -> None:
        fixture = bench()
        async with fixture.daemon() as daemon:
            before = await daemon.until("RUNNING")
        os.kill(pid_of(before), signal.SIGSEGV)
        traces.await_end(pid_of(before))
        async with fixture.daemon() as daemon:
            after = await daemon.until("RUNNING")
            assert after.pid != before.pid
            assert after.last_exit is not None
            assert after.last_exit.signal == signal.SIGSEGV
            assert "while no daemon was there" in after.last_exit.reason

    asyncio.run(scenario())


def test_a_worker_that_calls_while_the_daemon_still_recovers_is_not_sent_away(
    bench: Bench,
) -> None:
    async def scenario() -> None:
        fixture = bench()
        async with fixture.daemon() as daemon:
            before = await daemon.until("RUNNING")
            spawner = daemon.fleet.spawner_pid or 0
        os.kill(spawner, signal.SIGSTOP)  # The daemon waits for its word.
        daemon = fixture.new_daemon()
        opening = asyncio.ensure_future(daemon.open())
        await eventually(lambda: daemon.link.waiting, "its hello is there")
        os.kill(spawner, signal.SIGCONT)
        await opening
        assert (await daemon.until("RUNNING")).pid == before.pid
        await daemon.close()

    asyncio.run(scenario())


def test_a_worker_that_was_given_up_and_lives_is_adopted(bench: Bench) -> None:
    async def scenario() -> None:
        fixture = bench()
        async with fixture.daemon() as daemon:
            before = await daemon.until("RUNNING")
            await amend(daemon, state="FATAL")
        async with fixture.daemon() as daemon:
            assert (await daemon.until("RUNNING")).pid == before.pid

    asyncio.run(scenario())


def test_a_spawn_that_was_never_answered_is_neither_lost_nor_doubled(
    bench: Bench,
) -> None:
    """Intended and committed by a daemon that died before it knew the pid."""

    async def scenario() -> None:
        fixture = bench()
        async with fixture.daemon() as daemon:
            before = await daemon.until("RUNNING")
            await amend(daemon, pid=0, boot_id="", start_ticks=0, state="STARTING")
        async with fixture.daemon() as daemon:
            assert (await daemon.until("RUNNING")).pid == before.pid

    asyncio.run(scenario())


def test_what_cannot_be_verified_is_neither_killed_nor_doubled(bench: Bench) -> None:
    async def scenario() -> None:
        fixture = bench()
        async with fixture.daemon() as daemon:
            before = await daemon.until("RUNNING")
            # As if an old copy of the database had been put back.
            await amend(daemon, incarnation="another", pid=0)
        # It would leave by itself when its hello is refused.
        os.kill(pid_of(before), signal.SIGSTOP)
        async with fixture.daemon() as daemon:
            doubted = daemon.worker()
            assert (doubted.state, doubted.pid) == ("UNKNOWN", before.pid)
            [problem] = daemon.fleet.problems()
            assert "neither killed nor started a second time" in problem
            assert str(before.pid) in problem
            [proof] = await daemon.fleet.stop(["worker-1"], now=True, wait=True)
            assert (proof.state, proof.survivors, proof.proof) == (
                "UNKNOWN",
                [before.pid],
                "none",
            )
            assert (await start_one(daemon, "worker-1")).state == "UNKNOWN"
            [looked] = await daemon.fleet.reset_failed(["worker-1"])
            assert looked.state == "UNKNOWN"
            assert "reset-failed worker-1 --end" in problem
            assert traces.alive(pid_of(before))
            assert daemon.fleet.returns(W1)
            # A person's word. It is stopped, so it takes more than to be asked.
            [ended] = await daemon.fleet.reset_failed(["worker-1"], "end")
            assert ended.state == "STARTING"
            assert not traces.alive(pid_of(before))
            after = await daemon.until("RUNNING", other_than=before.pid)
            assert daemon.fleet.problems() == []
            assert pid_of(after) != before.pid

    asyncio.run(scenario())


def test_a_process_that_a_person_disowns_is_let_be(bench: Bench) -> None:
    async def scenario() -> None:
        fixture = bench()
        stranger = process_id(os.getpid())
        assert stranger is not None
        async with fixture.daemon() as daemon:
            await daemon.until("RUNNING")
            await daemon.fleet.shut_down(now=True)
            # As if the lock's file had been removed below a worker that lives.
            await amend(
                daemon,
                pid=stranger.pid,
                start_ticks=stranger.start_ticks,
                boot_id=stranger.boot_id,
                wanted="run",
            )
        async with fixture.daemon() as daemon:
            assert daemon.worker().state == "UNKNOWN"
            await daemon.fleet.reset_failed(["worker-1"], "disown")
            after = await daemon.until("RUNNING")
            assert after.pid != os.getpid()

    asyncio.run(scenario())


def test_a_pid_that_was_reused_by_a_stranger_is_not_touched(bench: Bench) -> None:
    async def scenario() -> None:
        fixture = bench()
        stranger = process_id(os.getpid())
        assert stranger is not None
        async with fixture.daemon() as daemon:
            before = await daemon.until("RUNNING")
            await daemon.fleet.shut_down(now=True)
            await amend(daemon, pid=os.getpid(), start_ticks=stranger.start_ticks - 1)
        async with fixture.daemon() as daemon:
            after = await daemon.until("RUNNING")
            assert after.pid not in {before.pid, os.getpid()}

    asyncio.run(scenario())


# -------------------------------------------------------------- recycled, and in turn


def test_a_worker_that_is_too_old_makes_room_for_a_fresh_one(bench: Bench) -> None:
    async def scenario() -> None:
        fixture = bench(max_age_s=1.0)
        lease = LeaseConfig(heartbeat_s=0.1)
        fixture.config = msgspec.structs.replace(fixture.config, lease=lease)
        async with fixture.daemon() as daemon:
            before = await daemon.until("RUNNING")
            await eventually(lambda: daemon.worker().restart_count, "another start")
            after = await daemon.until("RUNNING")
            assert pid_of(after) != pid_of(before)
            assert after.last_exit is not None
            assert after.last_exit.code == 0
            assert "recycled, " in after.last_exit.reason
            assert "(max_age_s = 1)" in after.last_exit.reason

    asyncio.run(scenario())


def test_several_are_restarted_in_turn_so_that_slots_stay_served(bench: Bench) -> None:
    async def scenario() -> None:
        async with bench().daemon(worker_count=3) as daemon:
            names = ["worker-1", "worker-2", "worker-3"]
            pids = [(await daemon.until("RUNNING", WorkerId(n))).pid for n in names]
            restarting = asyncio.create_task(
                daemon.fleet.restart(names, now=False, wait=True)
            )
            away_at_once = 0
            while not restarting.done():
                states = [daemon.worker(name).state for name in names]
                away_at_once = max(away_at_once, 3 - states.count("RUNNING"))
                await asyncio.sleep(0)
            infos, proofs = await restarting
            assert away_at_once == 1
            assert [info.state for info in infos] == ["RUNNING"] * 3
            assert not {info.pid for info in infos} & set(pids)
            assert [(p.worker_id, p.proof) for p in proofs] == [
                (name, "subreaper") for name in names
            ]

    asyncio.run(scenario())


def test_where_one_does_not_come_up_the_others_are_left_as_they_are(
    bench: Bench,
) -> None:
    async def scenario() -> None:
        fixture = bench()
        fixture.use_worker(f"{TINY}:works_once")
        async with fixture.daemon(worker_count=2) as daemon:
            await daemon.until("RUNNING")
            other = await daemon.until("RUNNING", W2)
            infos, proofs = await daemon.fleet.restart([W1, W2], now=False, wait=True)
            assert [info.state for info in infos] == ["FATAL", "RUNNING"]
            assert infos[1].pid == other.pid
            assert [proof.worker_id for proof in proofs] == [W1]

    asyncio.run(scenario())


# ----------------------------------------------------------------------------- others


def test_a_hello_is_verified_by_name_start_and_secret(bench: Bench) -> None:
    async def scenario() -> None:
        fixture = bench()
        async with fixture.daemon() as daemon:
            await daemon.until("RUNNING")
            [row] = await daemon.store.read(lambda reads: reads.workers())
            hello = Hello(
                version=1,
                worker_id=W1,
                incarnation=row.incarnation,
                secret="guessed",
                process=ProcessId("", 1, 1),
                slots=1,
            )
            replace = msgspec.structs.replace
            answers = [
                daemon.fleet.door.verify(hello),
                daemon.fleet.door.verify(replace(hello, incarnation="older")),
                daemon.fleet.door.verify(replace(hello, worker_id=WorkerId("other"))),
            ]
            codes = [answer.code for answer in answers if answer is not None]
            assert codes == ["secret", "fenced", "unknown_worker"]
            await daemon.fleet.stop(["worker-1"], now=True, wait=True)
            late = daemon.fleet.door.verify(hello)
            assert late is not None
            assert late.code == "fenced"

    asyncio.run(scenario())


def test_secrets_are_nowhere_on_disk(bench: Bench) -> None:
    async def scenario() -> None:
        fixture = bench()
        async with fixture.daemon() as daemon:
            await daemon.until("RUNNING")
            [row] = await daemon.store.read(lambda reads: reads.workers())
            assert len(row.secret_sha256) == 64

    asyncio.run(scenario())


def test_a_daemon_that_starts_no_workers_says_so(bench: Bench) -> None:
    async def scenario() -> None:
        fixture = bench()
        fixture.config = msgspec.structs.replace(fixture.config, mode="standalone")
        async with fixture.daemon() as daemon:
            assert daemon.fleet.infos() == []
            with pytest.raises(NotManaged, match='mode = "managed"'):
                await start_more(daemon, 1)

    asyncio.run(scenario())


def test_a_storm_of_commands_ends_in_the_last_one_s_wish(bench: Bench) -> None:
    async def scenario() -> None:
        async with bench().daemon() as daemon:
            await daemon.until("RUNNING")
            fleet = daemon.fleet
            wishes: list[Awaitable[object]] = []
            for _ in range(10):
                wishes.append(fleet.stop(["worker-1"], now=True, wait=False))
                wishes.append(start_one(daemon, "worker-1", wait=False))
                wishes.append(fleet.restart(["worker-1"], now=True, wait=False))
            await asyncio.gather(*wishes)
            infos = await start_more(daemon, 20)
            assert {info.state for info in infos} == {"RUNNING"}
            await daemon.until("RUNNING")
            pids = {pid_of(info) for info in fleet.infos()}
            assert len(pids) == 21
            proofs = await fleet.shut_down(now=True)
            assert [p for p in proofs if p.survivors] == []
            assert not any(traces.alive(pid) for pid in pids)

    asyncio.run(scenario())


def test_shutting_down_changes_nothing_of_what_is_wanted(bench: Bench) -> None:
    async def scenario() -> None:
        fixture = bench()
        async with fixture.daemon(worker_count=2) as daemon:
            await daemon.until("RUNNING")
            slow = asyncio.ensure_future(daemon.fleet.shut_down(now=False))
            await daemon.fleet.shut_down(now=True)
            await slow
            assert {i.state for i in daemon.fleet.infos()} == {"STOPPED"}
        assert not (fixture.runtime / layout.SPAWNER_SOCKET).exists()
        async with fixture.daemon(worker_count=2) as daemon:
            await daemon.until("RUNNING")
            await daemon.until("RUNNING", W2)

    asyncio.run(scenario())


def test_each_change_of_a_worker_is_journalled(bench: Bench) -> None:
    async def scenario() -> None:
        async with bench().daemon() as daemon:
            await daemon.until("RUNNING")
            await daemon.fleet.stop(["worker-1"], now=True, wait=True)
            events = await daemon.store.read(
                lambda reads: reads.events(since=0, limit=100)
            )
            moves = [
                (e.payload["from"], e.payload["to"])
                for e in events
                if e.type == "worker_state"
            ]
            assert moves == [
                ("STOPPED", "STARTING"),
                ("STARTING", "RUNNING"),
                ("RUNNING", "STOPPING"),
                ("STOPPING", "STOPPED"),
            ]

    asyncio.run(scenario())


def test_a_wish_that_the_store_refuses_was_never_had(bench: Bench) -> None:
    async def scenario() -> None:
        async with bench().daemon() as daemon:
            before = await daemon.until("RUNNING")
            daemon.store.full = True
            with pytest.raises(StoreFailed):
                await daemon.fleet.stop(["worker-1"], now=True, wait=True)
            with pytest.raises(StoreFailed):
                await start_more(daemon, 2)
            daemon.store.full = False
            info = daemon.worker()
            assert (info.state, info.wanted, info.pid) == ("RUNNING", "run", before.pid)
            assert len(daemon.fleet.infos()) == 1

    asyncio.run(scenario())


def test_nothing_is_started_while_the_disk_is_full_and_then_everything(
    bench: Bench,
) -> None:
    async def scenario() -> None:
        async with bench().daemon() as daemon:
            before = await daemon.until("RUNNING")
            daemon.store.full = True
            os.kill(pid_of(before), signal.SIGKILL)
            await eventually(lambda: daemon.store.refused > 1, "two tries")
            assert daemon.worker().state == "STARTING"
            assert daemon.worker().pid is None
            [problem] = daemon.fleet.problems()
            assert "no worker is started before it is" in problem
            daemon.store.full = False
            after = await daemon.until("RUNNING", other_than=before.pid)
            assert daemon.fleet.problems() == []
            [row] = await daemon.store.read(lambda reads: reads.workers())
            assert (row.pid, row.exit_signal) == (after.pid, signal.SIGKILL)

    asyncio.run(scenario())


async def amend(daemon: Daemon, **changes: object) -> None:
    """Change what the store remembers of worker-1, behind the fleet's back."""
    [row, *_] = await daemon.store.read(lambda reads: reads.workers())
    changed: WorkerRow = msgspec.structs.replace(row, **changes)
    await daemon.store.do(lambda verbs: verbs.put_workers([changed], [], now_ms=0))


# -------------------------------------------------------------------- reconfiguring


def test_another_worker_count_counts_unless_a_person_has_said_how_many(
    bench: Bench,
) -> None:
    async def scenario() -> None:
        fixture = bench()
        configured = msgspec.structs.replace
        async with fixture.daemon() as daemon:
            await daemon.until("RUNNING")
            wider = configured(fixture.config, worker_count=2, slots=5)
            assert await daemon.fleet.reconfigure(wider) == []
            assert (await daemon.until("RUNNING", W2)).slots == 5
            assert daemon.worker().slots == 5
            one = configured(wider, worker_count=1)
            assert await daemon.fleet.reconfigure(one) == []
            await eventually(lambda: not daemon.fleet.known(W2), "worker-2 gone")

            await daemon.fleet.scale(1, now=True, wait=True)
            [note] = await daemon.fleet.reconfigure(wider)
            assert "kanbanctl scale 2" in note
            assert not daemon.fleet.known(W2)

    asyncio.run(scenario())


def test_a_refused_reconfiguration_leaves_the_slots_as_they_were(
    bench: Bench,
) -> None:
    async def scenario() -> None:
        fixture = bench()
        async with fixture.daemon() as daemon:
            await daemon.until("RUNNING")
            daemon.store.full = True
            wider = msgspec.structs.replace(fixture.config, slots=5)
            with pytest.raises(StoreFailed):
                await daemon.fleet.reconfigure(wider)
            daemon.store.full = False
            assert daemon.worker().slots == fixture.config.slots

    asyncio.run(scenario())


def test_a_reload_renews_the_pass_and_keeps_its_secret(bench: Bench) -> None:
    async def fact() -> None:
        crew = bench()
        path = crew.runtime / layout.WORKER_JOIN
        async with crew.daemon(0) as daemon:
            before = guests.decode(path.read_bytes())
            path.unlink()
            other = msgspec.structs.replace(crew.config, worker_count=0, slots=5)
            assert await daemon.fleet.reconfigure(other) == []
            assert guests.decode(path.read_bytes()) == msgspec.structs.replace(
                before, slots=5
            )
            assert path.stat().st_mode & 0o777 == 0o600
            obstacle = crew.runtime / f"{layout.WORKER_JOIN}.new"
            obstacle.mkdir()
            again = msgspec.structs.replace(other, slots=6)
            [note] = await daemon.fleet.reconfigure(again)
            assert "workers that join take 5 slots as before" in note
            obstacle.rmdir()
            assert await daemon.fleet.reconfigure(again) == []
            assert guests.decode(path.read_bytes()).slots == 6

    asyncio.run(fact())
