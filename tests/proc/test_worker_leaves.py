"""How a worker ends, and how it ends runs."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from kanban_ipc.link import (
    Agent,
    Assign,
    Cancel,
    Drain,
    Drop,
    Finished,
    Goodbye,
    Heartbeat,
    Hello,
    Limits,
    Log,
    Refused,
    Started,
)
from kanban_worker.shell.orders import read_order
from support.assignments import NOOP, assign
from support.deadline import eventually
from support.worker_bench import WorkerBench, worker_bench

STUBBORN = "trap '' TERM; setsid sh -c \"trap '' TERM; sleep 1000\" & sleep 1000; wait"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[WorkerBench]:
    with worker_bench(tmp_path) as opened:
        opened.start()
        opened.daemon.expect(Hello)
        yield opened


def _adopt(run: Assign) -> Assign:
    return msgspec.structs.replace(run, adopt=True)


def test_drain_lets_the_last_run_finish_takes_nothing_new_and_says_goodbye(
    bench: WorkerBench, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    run = assign(bench.state_dir, f"read x < {gate}")
    bench.daemon.send(run)
    bench.daemon.expect(Started)
    bench.daemon.send(Drain(30.0))
    bench.daemon.expect(Heartbeat, lambda beat: beat.free == 0)
    late = assign(bench.state_dir, agent=NOOP)
    returned = bench.daemon.run(late).result
    assert (returned.outcome, returned.failure) == ("aborted", "shutdown")
    gate.write_text("go\n")
    assert bench.daemon.expect(Finished).result.outcome == "finished"
    assert bench.daemon.expect(Goodbye).reason == "drained"
    assert bench.workers[0].wait() == 0


def test_past_the_deadline_of_a_drain_runs_are_cancelled_as_shutdown(
    bench: WorkerBench,
) -> None:
    run = assign(bench.state_dir, STUBBORN, limits=Limits(grace_s=0.3))
    bench.daemon.send(run)
    bench.daemon.expect(Started)
    bench.daemon.send(Drain(0.1))
    result = bench.daemon.expect(Finished).result
    assert (result.outcome, result.failure) == ("aborted", "shutdown")
    assert bench.workers[0].wait() == 0


def test_a_run_taken_over_past_the_deadline_is_cancelled_as_well(
    bench: WorkerBench,
) -> None:
    limits = Limits(grace_s=1.0)
    run = assign(bench.state_dir, STUBBORN, limits=limits)
    bench.daemon.send(run)
    bench.daemon.expect(Started)
    bench.daemon.send(Drain(0.0))
    eventually(lambda: read_order(Path(run.run_dir)) == "shutdown", "the order on disk")
    late = _adopt(assign(bench.state_dir, "sleep 1000", limits=limits))
    bench.daemon.send(late)
    ended = bench.daemon.expect(Finished, lambda end: end.run_id == late.run_id)
    assert (ended.result.outcome, ended.result.failure) == ("aborted", "shutdown")
    assert bench.workers[0].wait() == 0


def test_sigterm_drains_and_sigint_is_for_somebody_else(bench: WorkerBench) -> None:
    worker = bench.workers[0]
    worker.signal(signal.SIGINT)
    bench.daemon.expect(Heartbeat)
    worker.signal(signal.SIGTERM)
    assert bench.daemon.expect(Goodbye).reason == "drained"
    assert worker.wait() == 0


def test_a_worker_that_leaves_unasked_says_so_while_a_run_still_runs(
    bench: WorkerBench, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    run = assign(bench.state_dir, f"read x < {gate}")
    bench.daemon.send(run)
    bench.daemon.expect(Started)
    bench.workers[0].signal(signal.SIGTERM)
    hello = bench.daemon.expect(Hello)
    assert hello.draining
    assert [held.run_id for held in hello.held] == [run.run_id]
    gate.write_text("go\n")
    assert bench.daemon.expect(Finished).result.outcome == "finished"
    assert bench.daemon.expect(Goodbye).reason == "drained"


def test_sigabrt_writes_every_threads_stack_to_the_log(bench: WorkerBench) -> None:
    worker = bench.workers[0]
    worker.signal(signal.SIGABRT)
    assert worker.wait() == -signal.SIGABRT
    assert "most recent call first" in worker.log


def test_a_refused_worker_says_why_and_leaves_with_2(bench: WorkerBench) -> None:
    bench.daemon.send(Refused("fenced", "another incarnation is newer"))
    assert bench.workers[0].wait() == 2
    assert "another incarnation is newer" in bench.workers[0].log


def test_a_second_worker_of_the_same_name_leaves_the_first_alone(
    bench: WorkerBench,
) -> None:
    second = bench.start()
    assert second.wait(15) == 100
    assert "is alive already" in second.log
    assert bench.workers[0].alive


def test_an_idle_worker_leaves_when_its_daemon_stays_away(tmp_path: Path) -> None:
    with worker_bench(tmp_path) as bench:
        bench.daemon.away_exit_s = 0.5
        bench.daemon.heartbeat_s = 0.1
        worker = bench.start()
        bench.daemon.expect(Heartbeat)
        bench.daemon.go_away()
        assert worker.wait() == 0
        assert "The daemon is away" in worker.log


def test_a_cancelled_run_that_ignores_sigterm_is_gone_in_time_and_proven_gone(
    bench: WorkerBench,
) -> None:
    run = assign(bench.state_dir, STUBBORN, limits=Limits(grace_s=30.0))
    bench.daemon.send(run)
    bench.daemon.expect(Started)
    began = time.monotonic()
    bench.daemon.send(Cancel(run.run_id, run.epoch, 0.5))
    result = bench.daemon.expect(Finished).result
    assert time.monotonic() - began < 3
    assert (result.outcome, result.failure) == ("aborted", "cancelled")
    assert result.proof == "subreaper"
    assert not bench.daemon.passed(Goodbye)


def test_an_order_outlives_the_worker_that_was_given_it(bench: WorkerBench) -> None:
    run = assign(bench.state_dir, STUBBORN, limits=Limits(grace_s=1.5))
    bench.daemon.send(run)
    bench.daemon.expect(Started)
    bench.daemon.send(Cancel(run.run_id, run.epoch, 1.5, "shutdown"))
    order = Path(run.run_dir) / "order"
    while not order.exists():
        bench.daemon.expect(Heartbeat)
    bench.workers[0].kill()
    bench.start()
    bench.daemon.expect(Hello)
    bench.daemon.send(_adopt(run))
    result = bench.daemon.expect(Finished).result
    assert (result.outcome, result.failure) == ("aborted", "shutdown")


def test_a_run_cancelled_before_it_began_never_begins(bench: WorkerBench) -> None:
    run = assign(bench.state_dir, "echo x > $HOME/x")
    bench.daemon.send(run, Cancel(run.run_id, run.epoch, 1.0))
    result = bench.daemon.expect(Finished).result
    assert (result.outcome, result.failure) == ("aborted", "cancelled")


def test_calls_report_progress_lines_summaries_and_failures(bench: WorkerBench) -> None:
    talker = Agent("talker", "python", callable="support.callables:talk")
    run = assign(bench.state_dir, agent=talker)
    bench.daemon.send(run)
    assert bench.daemon.expect(Log).message == "half-way"
    assert bench.daemon.expect(Finished).result.summary_md == "all said"
    broken = Agent("broken", "python", callable="support.callables:fail")
    result = bench.daemon.run(assign(bench.state_dir, agent=broken)).result
    assert result.failure == "agent_error"
    assert result.message == "ValueError: no good"
    later = Agent("later", "python", callable="support.callables:later")
    deferred = bench.daemon.run(assign(bench.state_dir, agent=later)).result
    assert deferred.failure == "deferred"
    missing = Agent("missing", "python", callable="no_such_module:f")
    unusable = bench.daemon.run(assign(bench.state_dir, agent=missing)).result
    assert unusable.failure == "setup"


def test_a_call_that_heeds_its_cancellation_ends_at_once(bench: WorkerBench) -> None:
    agent = Agent("polite", "python", callable="support.callables:until_cancelled")
    run = assign(bench.state_dir, agent=agent)
    bench.daemon.send(run)
    bench.daemon.expect(Log)
    bench.daemon.send(Cancel(run.run_id, run.epoch, 5.0))
    result = bench.daemon.expect(Finished).result
    assert (result.outcome, result.failure) == ("aborted", "cancelled")


def test_a_call_that_does_not_costs_its_worker_a_restart_and_no_other_ticket(
    bench: WorkerBench, tmp_path: Path
) -> None:
    never, gate = tmp_path / "never", tmp_path / "gate"
    os.mkfifo(never)
    os.mkfifo(gate)
    waiter = Agent("waiter", "python", callable="support.callables:wait_at")
    stuck = assign(bench.state_dir, str(never), agent=waiter)
    other = assign(bench.state_dir, str(gate), agent=waiter)
    bench.daemon.send(stuck, other)
    bench.daemon.expect(Log)
    bench.daemon.expect(Log)
    bench.daemon.send(Cancel(stuck.run_id, stuck.epoch, 0.1))
    assert bench.daemon.expect(Hello).draining
    bench.daemon.expect(Heartbeat, lambda beat: beat.free == 0)
    gate.write_text("go\n")
    assert bench.daemon.expect(Finished).run_id == other.run_id
    assert bench.daemon.expect(Goodbye).reason == "recycled"
    assert bench.workers[0].wait() == 0
    bench.start()
    bench.daemon.expect(Hello)
    bench.daemon.send(_adopt(stuck))
    result = bench.daemon.expect(Finished).result
    assert (result.outcome, result.failure) == ("aborted", "cancelled")


def test_no_op_runs_leave_in_one_message_and_touch_no_disk(bench: WorkerBench) -> None:
    runs = [assign(bench.state_dir, agent=NOOP) for _ in range(4)]
    bench.daemon.send(*runs)
    for _ in runs:
        assert bench.daemon.expect(Finished).result.outcome == "finished"
    assert max(bench.daemon.sizes) > 1
    assert not (bench.state_dir / "runs").exists()


def test_a_dropped_call_gives_its_slot_back_when_it_ends(bench: WorkerBench) -> None:
    agent = Agent("polite", "python", callable="support.callables:until_cancelled")
    run = assign(bench.state_dir, agent=agent)
    bench.daemon.send(run)
    bench.daemon.expect(Log)
    bench.daemon.send(Drop(run.run_id, run.epoch))
    bench.daemon.expect(Heartbeat, lambda beat: beat.free == 4 and not beat.runs)
    assert not bench.daemon.passed(Finished)


def test_a_callable_cannot_say_what_cannot_be_sent(bench: WorkerBench) -> None:
    odd = Agent("odd", "python", callable="support.callables:odd_words")
    result = bench.daemon.run(assign(bench.state_dir, agent=odd)).result
    assert result.failure == "agent_error"
    assert len(result.message) < 5_000
    assert bench.daemon.passed(Log)[0].message == "a?b"


def test_a_call_over_its_time_is_a_timeout(bench: WorkerBench) -> None:
    agent = Agent("polite", "python", callable="support.callables:until_cancelled")
    run = assign(bench.state_dir, agent=agent, limits=Limits(run_s=0.1, grace_s=5.0))
    assert bench.daemon.run(run).result.failure == "timeout"
