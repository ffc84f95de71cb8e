"""What a worker's or a daemon's death costs a run: nothing."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from kanban_ipc import frames
from kanban_ipc.link import (
    Ack,
    Agent,
    Assign,
    Beat,
    Drop,
    Finished,
    Heartbeat,
    Hello,
    HelloWanted,
    Log,
    Started,
)
from kanban_worker.shell.sweep import of_run
from support.assignments import NOOP, assign
from support.repositories import git, make_repository
from support.worker_bench import WorkerBench, worker_bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[WorkerBench]:
    with worker_bench(tmp_path) as opened:
        opened.start()
        opened.daemon.expect(Hello)
        yield opened


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A pipe at which an agent waits until somebody opens it."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


def open_gate(gate: Path) -> None:
    with gate.open("w") as pipe:
        pipe.write("go\n")


def adopted(run: Assign, *, cancel: bool = False) -> Assign:
    return msgspec.structs.replace(run, adopt=True, cancel=cancel)


def test_a_run_survives_its_workers_death_and_is_adopted_with_the_right_exit(
    bench: WorkerBench, tmp_path: Path, gate: Path
) -> None:
    repo = make_repository(tmp_path / "repo")
    run = assign(bench.state_dir, f"echo a > a; read x < {gate}; echo b > b", repo=repo)
    bench.daemon.send(run)
    started = bench.daemon.expect(Started)
    bench.workers[0].kill()
    bench.start()
    assert bench.daemon.expect(Hello).held == ()
    bench.daemon.send(adopted(run))
    again = bench.daemon.expect(Started)
    assert again == started
    open_gate(gate)
    end = bench.daemon.expect(Finished)
    assert end.seq > started.seq
    assert (end.result.outcome, end.result.exit_code) == ("finished", 0)
    assert [each.path for each in end.result.files_changed] == ["a", "b"]


def test_a_run_that_ended_while_no_worker_lived_is_finished_by_the_next(
    bench: WorkerBench, gate: Path
) -> None:
    run = assign(bench.state_dir, f"read x < {gate}; exit 7")
    bench.daemon.send(run)
    bench.daemon.expect(Started)
    bench.workers[0].kill()
    open_gate(gate)
    bench.start()
    bench.daemon.expect(Hello)
    bench.daemon.send(adopted(run))
    assert bench.daemon.expect(Finished).result.exit_code == 7


def test_a_result_on_disk_is_reported_as_it_is_and_nothing_is_done_again(
    bench: WorkerBench, tmp_path: Path
) -> None:
    repo = make_repository(tmp_path / "repo")
    run = assign(bench.state_dir, "echo x > x; echo once >> $HOME/count", repo=repo)
    bench.daemon.acks = False
    first = bench.daemon.run(run)
    bench.workers[0].kill()
    bench.start()
    bench.daemon.expect(Hello)
    bench.daemon.send(adopted(run))
    assert bench.daemon.expect(Finished).result == first.result
    assert (bench.home / "count").read_text() == "once\n"


def test_finishing_again_after_a_kill_in_the_middle_gives_the_same_result(
    bench: WorkerBench, tmp_path: Path
) -> None:
    repo = make_repository(tmp_path / "repo")
    run = assign(bench.state_dir, "echo x > x", repo=repo)
    bench.daemon.acks = False
    first = bench.daemon.run(run)
    bench.workers[0].kill()
    # As it was after the commit, and with git's own lock left behind.
    run_dir = Path(run.run_dir)
    (run_dir / "result.msgpack").unlink()
    (run_dir / "diff.patch").unlink()
    git_dir = git(Path(first.result.worktree), "rev-parse", "--absolute-git-dir")
    (Path(git_dir) / "index.lock").touch()
    bench.start()
    bench.daemon.expect(Hello)
    bench.daemon.send(adopted(run))
    assert bench.daemon.expect(Finished).result == first.result
    assert (run_dir / "diff.patch").exists()


def test_a_run_whose_shim_was_killed_is_lost_and_nothing_of_it_lives(
    bench: WorkerBench,
) -> None:
    run = assign(bench.state_dir, "setsid sleep 1000 & echo $! > $HOME/pid; sleep 1000")
    bench.daemon.send(run)
    bench.daemon.expect(Started)
    shim = msgspec.json.decode((Path(run.run_dir) / "shim.json").read_bytes())
    os.kill(shim["pid"], signal.SIGKILL)
    result = bench.daemon.expect(Finished).result
    assert (result.outcome, result.failure) == ("error", "worker_lost")
    assert result.proof == "sweep"
    assert not of_run(run.run_id)


def test_a_call_dies_with_its_worker_and_is_reported_lost(
    bench: WorkerBench, gate: Path
) -> None:
    waiter = Agent("waiter", "python", callable="support.callables:wait_at")
    run = assign(bench.state_dir, str(gate), agent=waiter)
    bench.daemon.send(run)
    bench.daemon.expect(Log)
    bench.workers[0].kill()
    assert not Path(run.run_dir).exists()
    bench.start()
    bench.daemon.expect(Hello)
    bench.daemon.send(adopted(run))
    end = bench.daemon.expect(Finished)
    assert end.result.failure == "worker_lost"
    assert end.seq > 2


def test_what_is_not_acknowledged_is_said_again_to_the_next_daemon(
    bench: WorkerBench,
) -> None:
    bench.daemon.acks = False
    run = assign(bench.state_dir, "exit 1")
    first = bench.daemon.run(run)
    bench.daemon.go_away()
    bench.daemon.open()
    hello = bench.daemon.expect(Hello)
    assert [held.run_id for held in hello.held] == [run.run_id]
    assert bench.daemon.expect(Started).run_id == run.run_id
    assert bench.daemon.expect(Finished) == first
    bench.daemon.send(Ack(run.run_id, run.epoch, first.seq))
    bench.daemon.expect(Heartbeat, lambda beat: not beat.runs)
    bench.daemon.go_away()
    bench.daemon.open()
    assert bench.daemon.expect(Hello).held == ()


def test_a_run_goes_on_while_the_daemon_is_away_and_its_end_is_told_later(
    bench: WorkerBench, gate: Path
) -> None:
    run = assign(bench.state_dir, f"read x < {gate}; exit 5")
    bench.daemon.send(run)
    bench.daemon.expect(Started)
    bench.daemon.go_away()
    open_gate(gate)
    bench.daemon.open()
    assert bench.daemon.expect(Finished).result.exit_code == 5


def test_a_daemon_that_does_not_know_the_worker_is_told_again(
    bench: WorkerBench,
) -> None:
    bench.daemon.send(HelloWanted())
    assert bench.daemon.expect(Hello).incarnation == "incarnation-1"


def test_malformed_frames_are_ignored_and_logged_once_in_a_while(
    bench: WorkerBench,
) -> None:
    for _ in range(100):
        bench.daemon.send_raw(b"\xc1 not msgpack", b"")
    bench.daemon.send_raw(frames.join([frames.encode(Beat())] * 65))
    assert (
        bench.daemon.run(assign(bench.state_dir, agent=NOOP)).result.outcome
        == "finished"
    )
    assert 1 <= bench.workers[0].log.count("cannot be read") < 12


def test_an_assignment_that_comes_twice_is_done_once(bench: WorkerBench) -> None:
    run = assign(bench.state_dir, "echo once >> $HOME/count")
    bench.daemon.send(run, run, adopted(run))
    bench.daemon.expect(Finished)
    bench.daemon.send(adopted(run))
    bench.daemon.expect(Finished)
    assert (bench.home / "count").read_text() == "once\n"
    assert len(bench.daemon.passed(Started)) <= 2


def test_a_dropped_run_is_ended_and_nothing_is_said_or_committed_for_it(
    bench: WorkerBench, tmp_path: Path
) -> None:
    repo = make_repository(tmp_path / "repo")
    run = assign(bench.state_dir, "trap '' TERM; echo x > x; sleep 1000", repo=repo)
    bench.daemon.send(run)
    started = bench.daemon.expect(Started)
    bench.daemon.send(Drop(run.run_id, run.epoch))
    bench.daemon.expect(Heartbeat, lambda beat: beat.free == 3 and not beat.runs)
    bench.daemon.expect(Heartbeat, lambda beat: beat.free == 4)
    assert (Path(run.run_dir) / "exit.json").exists()
    assert not (Path(run.run_dir) / "result.msgpack").exists()
    assert not bench.daemon.passed(Finished)
    assert git(repo, "rev-parse", started.branch) == started.head_before


def test_a_worker_killed_before_its_run_was_launched_begins_it_again_in_one_place(
    bench: WorkerBench, tmp_path: Path
) -> None:
    repo = make_repository(tmp_path / "repo")
    run = assign(bench.state_dir, "echo x > x", repo=repo)
    bench.daemon.acks = False
    first = bench.daemon.run(run)
    bench.workers[0].kill()
    # As it was after the worktree was made and before anything else.
    shutil.rmtree(run.run_dir)
    git(
        Path(first.result.worktree),
        "reset",
        "--quiet",
        "--hard",
        first.result.head_before,
    )
    bench.start()
    bench.daemon.expect(Hello)
    bench.daemon.send(adopted(run))
    again = bench.daemon.expect(Finished).result
    assert (again.outcome, again.worktree) == ("finished", first.result.worktree)


def test_a_result_that_cannot_be_written_is_tried_again_until_it_can(
    bench: WorkerBench, gate: Path
) -> None:
    run = assign(bench.state_dir, f"read x < {gate}; exit 9")
    bench.daemon.send(run)
    bench.daemon.expect(Started)
    obstacle = Path(run.run_dir) / "result.msgpack.tmp"
    obstacle.mkdir()
    open_gate(gate)
    bench.daemon.expect(
        Heartbeat, lambda beat: any(seen.stage == "finishing" for seen in beat.runs)
    )
    while "failed, trying again" not in bench.workers[0].log:
        bench.daemon.expect(Heartbeat)
    obstacle.rmdir()
    assert bench.daemon.expect(Finished).result.exit_code == 9
