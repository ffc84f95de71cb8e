"""What is killed with SIGKILL, and what goes on nevertheless."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kanban_ipc import control, layout
from support import traces
from support.deadline import eventually
from support.gate import Gate
from support.system import System

NewSystem = Callable[..., System]


def say_and_wait(started: Gate, gate: Gate, exit_code: int = 0) -> str:
    return f"echo $$ {started.tell}\n{gate.pause}\nexit {exit_code}\n"


def test_a_run_goes_on_when_its_worker_is_killed(
    system: System, started: Gate, gate: Gate
) -> None:
    ticket = system.add("Outlive", instructions=say_and_wait(started, gate))
    agent = int(started.line())
    first = system.worker_running()

    traces.kill(first)
    system.worker_running(other_than=first)
    assert traces.alive(agent)
    gate.open()

    [rested] = system.wait(ticket)
    assert rested.state == "in_review"
    run = system.run(ticket)
    assert (run.status, run.exit_code, run.epoch) == ("finished", 0, 1)
    assert system.worker().restart_count == 1


@pytest.mark.campaign
@pytest.mark.slow
def test_a_run_older_than_a_minute_goes_on_when_its_worker_is_killed(
    system: System, started: Gate, gate: Gate
) -> None:
    lines = f"echo $$ {started.tell}\nsleep 61\n" + say_and_wait(started, gate)
    ticket = system.add("Outlive", instructions=lines)
    agent = int(started.line())
    assert int(started.line(timeout_s=90)) == agent
    first = system.worker_running()

    traces.kill(first)
    system.worker_running(other_than=first)
    assert traces.alive(agent)
    gate.open()

    [rested] = system.wait(ticket)
    assert rested.state == "in_review"
    run = system.run(ticket)
    assert run.status == "finished"
    assert (run.duration_s or 0) > 60


def test_a_worker_killed_while_the_agent_ends_loses_no_exit_code(
    system: System, started: Gate, gate: Gate
) -> None:
    lines = say_and_wait(started, gate, exit_code=7)
    ticket = system.add("End alone", instructions=lines, max_retries=0)
    agent = int(started.line())
    first = system.worker_running()

    spawner = system.spawner_pid()
    traces.kill(spawner, signal.SIGSTOP)
    traces.kill(first)
    assert traces.await_end(first)
    gate.open()
    assert traces.await_end(agent)
    traces.kill(spawner, signal.SIGCONT)

    [rested] = system.wait(ticket)
    assert rested.state == "failed"
    run = system.run(ticket)
    assert (run.status, run.failure, run.exit_code) == ("error", "agent_error", 7)


def test_workers_and_agents_go_on_when_the_daemon_is_killed(
    system: System, started: Gate, gate: Gate
) -> None:
    ticket = system.add("Outlive", instructions=say_and_wait(started, gate))
    agent = int(started.line())
    worker = system.worker_running()

    system.kill_daemon()
    system.start()

    assert system.worker_running() == worker
    assert traces.alive(agent)
    eventually(lambda: system.ticket(ticket).state == "working", "it works")
    gate.open()
    [rested] = system.wait(ticket)
    assert rested.state == "in_review"
    assert system.run(ticket).status == "finished"
    assert system.worker().restart_count == 0


@pytest.mark.parametrize("exit_code", [0, 3])
def test_what_ended_while_the_daemon_was_away_is_not_lost(
    system: System, started: Gate, gate: Gate, exit_code: int
) -> None:
    lines = say_and_wait(started, gate, exit_code)
    ticket = system.add("End unseen", instructions=lines, max_retries=0)
    agent = int(started.line())

    system.kill_daemon()
    gate.open()
    assert traces.await_end(agent)
    system.start()

    [rested] = system.wait(ticket)
    assert rested.state == ("failed" if exit_code else "in_review")
    assert system.run(ticket).exit_code == exit_code


def test_a_worker_that_died_while_the_daemon_was_away_is_replaced(
    system: System, started: Gate, gate: Gate
) -> None:
    ticket = system.add("Outlive both", instructions=say_and_wait(started, gate))
    agent = int(started.line())
    first = system.worker_running()

    system.kill_daemon()
    traces.kill(first)
    assert traces.await_end(first)
    system.start()
    system.worker_running(other_than=first)

    assert traces.alive(agent)
    last = system.worker().last_exit
    assert last is not None
    assert last.signal == 9
    gate.open()
    [rested] = system.wait(ticket)
    assert rested.state == "in_review"
    assert system.run(ticket).status == "finished"


def test_what_a_machine_s_end_cuts_short_is_lost_at_once_and_resumed(
    system: System, repository: Path, started: Gate, gate: Gate
) -> None:
    lines = (
        f"[ -e half ] && echo the rest >> half && exit 0\n"
        f"echo the half > half; {say_and_wait(started, gate)}"
    )
    ticket = system.add("Survive", instructions=lines, repo_path=repository)
    started.line()
    system.worker_running()
    before = system.run(ticket)
    system.notify.forget()

    # The power goes, and comes back: no process lives, and it is another boot.
    needles = (str(system.state), system.token)
    traces.end_all(needles)
    system.daemon.wait(10)
    spec = system.run_dir(before) / layout.RUN_SHIM_SPEC
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    text = spec.read_text()
    assert boot in text
    spec.write_text(text.replace(boot, "00000000-0000-4000-8000-000000000000"))
    system.start()

    [rested] = system.wait(ticket, timeout_s=20)
    assert rested.state == "in_review"
    after, lost = system.runs(ticket)
    assert (lost.id, lost.failure) == (before.id, "host_lost")
    assert (after.status, after.attempt, after.epoch) == ("finished", 2, 2)
    assert rested.retry_count == 0
    assert after.branch == lost.branch
    diff = system.ctl("run", "diff", after.id).stdout
    assert "+the half" in diff
    assert "+the rest" in diff


def test_nobody_notices_when_the_spawner_is_killed(
    system: System, started: Gate, gate: Gate
) -> None:
    ticket = system.add("Go on", instructions=say_and_wait(started, gate))
    started.line()
    worker, spawner = system.worker_running(), system.spawner_pid()

    traces.kill(spawner)
    eventually(lambda: system.spawner_pid() != spawner, "another spawner")

    assert system.worker_running() == worker
    gate.open()
    [rested] = system.wait(ticket)
    assert rested.state == "in_review"
    # And the new one does its work.
    traces.kill(worker)
    assert system.worker_running(other_than=worker)


def test_when_everything_is_killed_the_run_is_found_lost_and_retried(
    system: System, started: Gate, gate: Gate
) -> None:
    lines = f"setsid sleep 1000 &\necho $! {started.tell}\n"
    ticket = system.add("Start over", instructions=lines + say_and_wait(started, gate))
    stray, agent = int(started.line()), int(started.line())
    run = system.run(ticket)
    shim = system.shim(run)["pid"]
    victims = [system.spawner_pid(), system.worker_running(), shim]

    system.kill_daemon()
    for pid in victims:
        traces.kill(pid)
        assert traces.await_end(pid)
    assert traces.await_end(agent), "an agent dies with its shim"
    assert traces.alive(stray)
    system.start()

    assert int(started.line()) != stray
    assert not traces.alive(stray), "reaped before the ticket was given out again"
    gate.open()
    [rested] = system.wait(ticket)
    assert rested.state == "in_review"
    again, lost = system.runs(ticket)
    assert (lost.status, lost.failure) == ("error", "worker_lost")
    assert (again.status, again.epoch) == ("finished", 2)
    assert rested.retry_count == 0


def test_an_agent_killed_with_its_shim_alive_is_an_agents_failure(
    system: System, started: Gate, gate: Gate
) -> None:
    lines = say_and_wait(started, gate)
    ticket = system.add("Be killed", instructions=lines, max_retries=0)
    traces.kill(int(started.line()))

    [rested] = system.wait(ticket)
    assert rested.state == "failed"
    run = system.run(ticket)
    assert (run.failure, run.signal) == ("agent_error", 9)


def test_what_a_killed_system_left_is_cleared_by_the_next(
    system: System, started: Gate, gate: Gate
) -> None:
    """A socket without a daemon and a lock without a holder stop nobody."""
    system.kill_daemon()
    assert system.socket.exists()
    began = time.monotonic()
    system.start()
    assert time.monotonic() - began < 10
    assert system.socket.stat().st_mode & 0o777 == 0o600
    ticket = system.add("After", instructions=say_and_wait(started, gate))
    started.line()
    gate.open()
    assert system.wait(ticket)[0].state == "in_review"
    assert isinstance(system.status(), control.StatusReply)
