"""Runs that are given up: reapers as real processes, the daemon's own and stand-ins."""

import asyncio
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from kanban_ipc import layout
from kanban_ipc.link import Assign
from kanban_worker.shell.rundir import ExitRecord
from support.dispatch_bench import finished, started
from support.gate import Gate
from support.orphan_bench import HERE, OrphanBench, with_orphans

EXITED = ExitRecord(
    reason="exited",
    code=0,
    signal=None,
    errno=None,
    message="",
    agent_pid=1,
    started_ms=1,
    ended_ms=2,
    duration_ms=1,
    cpu_ms=0,
    rss_max_bytes=0,
    output_bytes=0,
    log_cut=False,
    leftovers_killed=0,
    proof="subreaper",
    warned=(),
)
UNSURE = '{"outcome":"lost","proof":"none","survivors":[4711]}'
"""Something of the run may live, so its ticket is not given to the next one."""
LOST = '{"outcome":"lost","proof":"sweep","survivors":[]}'


ROUNDS_MAX = 2_000
PAUSE_S = 0.01


async def really(fact: Callable[[], bool]) -> None:
    """Wait in the machine's own time, which no hand moves."""
    for _ in range(ROUNDS_MAX):
        await asyncio.to_thread(time.sleep, PAUSE_S)
        if fact():
            return
    raise AssertionError("it did not come about")


class StandIn:
    """A reaper that tells the test that it began, and what then is its script's."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.gate = Gate(folder / "begun"), Gate(folder / "gate")
        self._path = folder / "reaper"
        self.does(f"{self.gate.pause}\necho {shlex.quote(LOST)}")
        monkeypatch.setattr(sys, "executable", str(self._path))

    def does(self, script: str) -> None:
        """``$4``: the run directory."""
        head = f'#!/bin/sh\necho "begun $4" {self.begun.tell}\n'
        self._path.write_text(head + script + "\n")
        self._path.chmod(0o700)

    async def line(self) -> str:
        return await asyncio.to_thread(self.begun.line)

    def none_begun(self) -> None:
        with pytest.raises(TimeoutError):
            self.begun.line(0.05)

    def close(self) -> None:
        self.begun.close()
        self.gate.close()


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    stand_in = StandIn(tmp_path, monkeypatch)
    yield stand_in
    stand_in.close()


def run_dir(root: Path, run: Assign) -> Path:
    return root / layout.RUNS_DIR / run.run_id


def test_a_run_that_nobody_can_take_is_reaped_when_it_is_dead(tmp_path: Path) -> None:
    async def body(bench: OrphanBench) -> None:
        [run] = await bench.abandoned()
        assert not run_dir(tmp_path, run).exists()
        live = bench.live(run)
        reaping = []
        for seconds in (bench.dead_s - bench.beat_s, bench.beat_s):
            await bench.rounds(seconds)
            reaping.append(live.reaping)
        assert reaping == [False, True]
        await live.ended.wait()
        [ended] = await bench.bench.runs(run.work.ticket_id)
        assert (ended.status, ended.failure) == ("error", "worker_lost")
        assert ended.proof == "sweep"
        assert "did not come back" in ended.message
        ticket = await bench.bench.ticket(run.work.ticket_id)
        assert ticket.state == "ready"
        assert (run_dir(tmp_path, run) / layout.RUN_REAPED).exists()

    with_orphans(tmp_path, body)


def test_a_run_that_ended_by_itself_waits_on_disk_for_the_next_worker(
    tmp_path: Path,
) -> None:
    async def body(bench: OrphanBench) -> None:
        [run] = await bench.abandoned()
        folder = run_dir(tmp_path, run)
        folder.mkdir()
        (folder / layout.RUN_EXIT).write_bytes(msgspec.json.encode(EXITED))
        await bench.rounds(bench.dead_s)
        await bench.reaped()
        await bench.rounds(5 * bench.dead_s)
        assert not bench.live(run).reaping, "it is asked once"
        heir = bench.bench.worker("worker-2")
        heir.hello()
        await bench.rounds(bench.beat_s, heir)
        assert [each.run_id for each in heir.runs] == [run.run_id]

    with_orphans(tmp_path, body)


@pytest.mark.parametrize("ended", [False, True])
def test_a_cancelled_run_that_nobody_attends_is_reaped(
    tmp_path: Path, ended: bool
) -> None:
    async def body(bench: OrphanBench) -> None:
        [run] = await bench.abandoned()
        if ended:
            run_dir(tmp_path, run).mkdir()
            record = run_dir(tmp_path, run) / layout.RUN_EXIT
            record.write_bytes(msgspec.json.encode(EXITED))
        ending = await bench.bench.cancel(run)
        await bench.rounds(bench.beat_s)
        await ending
        [run_shown] = await bench.bench.runs(run.work.ticket_id)
        assert (run_shown.status, run_shown.failure) == ("aborted", "cancelled")
        ticket = await bench.bench.ticket(run.work.ticket_id)
        assert ticket.state == "cancelled"

    with_orphans(tmp_path, body)


def test_runs_that_a_stopped_worker_left_end_as_shutdown(tmp_path: Path) -> None:
    async def body(bench: OrphanBench) -> None:
        runs = await bench.abandoned(3)
        leaving = asyncio.ensure_future(bench.bench.dispatch.runs_ended(HERE))
        await bench.bench.settle()
        await bench.rounds(bench.beat_s)
        await leaving
        for run in runs:
            [shown] = await bench.bench.runs(run.work.ticket_id)
            assert (shown.status, shown.failure) == ("aborted", "shutdown")

    with_orphans(tmp_path, body)


def test_a_cancelled_run_whose_worker_may_return_is_reaped_once(
    tmp_path: Path, stand_in: StandIn
) -> None:
    async def body(bench: OrphanBench) -> None:
        bench.bench.crew.returning.add(HERE)
        [run] = await bench.abandoned()
        ending = await bench.bench.cancel(run)
        await bench.rounds(bench.beat_s)
        assert await stand_in.line() == f"begun {run_dir(tmp_path, run)}"
        stand_in.gate.open()
        await bench.reaped()
        await bench.rounds(2 * bench.dead_s)
        stand_in.none_begun()
        assert not ending.done(), "its worker will find the record and report it"
        bench.bench.crew.returning.clear()
        await bench.rounds(bench.beat_s)
        await ending
        stand_in.none_begun()

    with_orphans(tmp_path, body)


def test_no_more_than_four_reapers_are_at_work_at_once(
    tmp_path: Path, stand_in: StandIn
) -> None:
    count, most = 7, 4
    tell, over = stand_in.begun.tell, shlex.quote(LOST)
    stand_in.does(f"{stand_in.gate.pause}\necho over {tell}\necho {over}")

    async def body(bench: OrphanBench) -> None:
        runs = [bench.live(run) for run in await bench.abandoned(count)]
        await bench.rounds(bench.dead_s)
        lines = [await stand_in.line() for _ in range(most)]
        stand_in.gate.open(count)
        lines += [await stand_in.line() for _ in range(2 * count - most)]
        at_work = peak = 0
        for line in lines:
            at_work += -1 if line == "over" else 1
            peak = max(peak, at_work)
        assert peak == most
        for run in runs:
            await run.ended.wait()

    with_orphans(tmp_path, body)


def test_a_run_whose_worker_came_back_is_not_reaped_when_its_turn_comes(
    tmp_path: Path, stand_in: StandIn
) -> None:
    async def body(bench: OrphanBench) -> None:
        runs = await bench.abandoned(6)
        await bench.rounds(bench.dead_s)
        reaped = {(await stand_in.line()).split("/")[-1] for _ in range(4)}
        back = bench.bench.worker(HERE, slots=6)
        back.hello()
        back.say(*[started(run) for run in back.runs])
        stand_in.gate.open(6)
        await bench.reaped()
        stand_in.none_begun()
        spared = {run.run_id for run in runs} - reaped
        assert spared <= {run.run_id for run in bench.bench.dispatch.live.everyone()}
        assert not any(run.reaping for run in bench.bench.dispatch.live.everyone())

    with_orphans(tmp_path, body)


def test_a_run_whose_end_waits_for_the_store_is_not_reaped(
    tmp_path: Path, stand_in: StandIn
) -> None:
    async def body(bench: OrphanBench) -> None:
        worker = bench.bench.worker(HERE)
        worker.hello()
        run = await bench.bench.one_run(worker)
        bench.bench.store.full = True
        worker.say(finished(run, 1))
        bench.bench.dispatch.worker_gone(worker.name, worker.incarnation)
        await bench.rounds(2 * bench.dead_s)
        stand_in.none_begun()
        bench.bench.store.full = False
        await bench.rounds(bench.beat_s)
        ticket = await bench.bench.ticket(run.work.ticket_id)
        assert ticket.state == "in_review"

    with_orphans(tmp_path, body)


@pytest.mark.parametrize(
    "script",
    ["exit 3", "echo nonsense", 'kill -9 "$$"', f"echo {shlex.quote(UNSURE)}"],
)
def test_a_reaper_that_fails_is_not_repeated_at_once(
    tmp_path: Path, stand_in: StandIn, script: str
) -> None:
    stand_in.does(script)

    async def body(bench: OrphanBench) -> None:
        [run] = await bench.abandoned()
        live = bench.live(run)
        timers = bench.bench.clock.delays
        await bench.rounds(bench.dead_s)
        await stand_in.line()
        await really(lambda: 10.0 in timers)  # It has failed, and waits.
        await bench.bench.pass_by(9.9)
        assert live.reaping
        stand_in.none_begun()
        await bench.rounds(2 * bench.beat_s)
        await stand_in.line()
        assert not live.ended.is_set()
        stand_in.does(f"echo {shlex.quote(LOST)}")
        for _ in range(ROUNDS_MAX):
            if live.ended.is_set():
                return
            await really(lambda: True)
            await bench.rounds(bench.beat_s)
        raise AssertionError("the reaper's good word was not heard")

    with_orphans(tmp_path, body)


def test_a_reaper_that_cannot_be_started_is_not_repeated_at_once(
    tmp_path: Path, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "missing"))

    async def body(bench: OrphanBench) -> None:
        [run] = await bench.abandoned()
        live = bench.live(run)
        await bench.rounds(bench.dead_s)
        assert live.reaping
        monkeypatch.setattr(sys, "executable", str(tmp_path / "reaper"))
        await bench.rounds(bench.beat_s)
        stand_in.none_begun()
        await bench.rounds(4 * bench.beat_s)
        await stand_in.line()
        stand_in.gate.open()
        await live.ended.wait()

    with_orphans(tmp_path, body)


def test_reapers_end_with_the_daemon(tmp_path: Path, stand_in: StandIn) -> None:
    async def body(bench: OrphanBench) -> None:
        await bench.abandoned()
        await bench.rounds(bench.dead_s)
        await stand_in.line()
        # The stand-in waits for ever; closing the bench must not.

    with_orphans(tmp_path, body)
