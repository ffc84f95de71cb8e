"""How a daemon goes: drained, handed over, or not at all beside another."""

import signal
from collections.abc import Callable

from kanban_ipc import control
from support import traces
from support.deadline import eventually
from support.gate import Gate
from support.leftovers import assert_nothing_left
from support.system import System

NewSystem = Callable[..., System]


def say_and_wait(started: Gate, gate: Gate) -> str:
    return f"echo $$ {started.tell}\n{gate.pause}\n"


def test_sigusr1_hands_over_and_the_next_daemon_takes_it(
    system: System, started: Gate, gate: Gate
) -> None:
    ticket = system.add("Outlive", instructions=say_and_wait(started, gate))
    agent = int(started.line())
    worker, spawner = system.worker_running(), system.spawner_pid()

    assert system.signal(signal.SIGUSR1) == 0
    assert all(traces.alive(pid) for pid in (agent, worker, spawner))
    system.start()

    assert system.worker_running() == worker
    assert system.spawner_pid() == spawner
    gate.open()
    assert system.wait(ticket)[0].state == "in_review"
    assert system.run(ticket).status == "finished"


def test_sigterm_lets_runs_finish_takes_no_new_ones_and_leaves_nothing(
    system: System, started: Gate, gate: Gate
) -> None:
    running = system.add("Finish", instructions=say_and_wait(started, gate))
    started.line()
    system.daemon.send_signal(signal.SIGTERM)
    assert system.notify.await_line("STOPPING=1", system.daemon, 10)
    gate.open()
    assert system.daemon.wait(30) == 0, system.output.read_text()
    eventually(lambda: not system.processes(), "nobody left")
    assert_nothing_left(system)

    system.start()
    assert system.ticket(running).state == "in_review"


def test_a_run_that_outlasts_the_drain_is_cancelled_and_goes_on_later(
    new_system: NewSystem, started: Gate, gate: Gate
) -> None:
    system = new_system({"workers.stop_timeout_s": 0.5}).start()
    ticket = system.add("Outlast", instructions=say_and_wait(started, gate))
    agent = int(started.line())
    assert system.signal(signal.SIGTERM) == 0
    assert not traces.alive(agent)
    eventually(lambda: not system.processes(), "nobody left")
    assert_nothing_left(system)

    system.start()
    started.line()
    gate.open()
    [rested] = system.wait(ticket)
    assert (rested.state, rested.retry_count) == ("in_review", 0)
    assert [run.failure for run in system.runs(ticket)] == [None, "shutdown"]


def test_a_second_sigterm_hurries(
    new_system: NewSystem, started: Gate, gate: Gate
) -> None:
    system = new_system({"workers.stop_timeout_s": 600}).start()
    system.add("Outlast", instructions=say_and_wait(started, gate))
    started.line()
    system.daemon.send_signal(signal.SIGTERM)
    assert system.notify.await_line("STOPPING=1", system.daemon, 10)
    assert system.signal(signal.SIGTERM, timeout_s=20) == 0
    eventually(lambda: not system.processes(), "nobody left")
    assert_nothing_left(system)


def test_shutdown_answers_ends_everything_and_leaves_nothing(
    new_system: NewSystem, started: Gate, gate: Gate
) -> None:
    system = new_system(workers=3).start()
    for number in range(4):
        system.add(f"Run {number}", instructions=say_and_wait(started, gate))
        started.line()
    system.ctl("shutdown", "--now")
    assert system.daemon.wait(30) == 0
    eventually(lambda: not system.processes(), "nobody left")
    assert_nothing_left(system)


def test_drain_returns_when_the_last_run_has_ended(
    system: System, started: Gate, gate: Gate
) -> None:
    running = system.add("Finish", instructions=say_and_wait(started, gate))
    started.line()
    system.ask(control.DrainCall(wait=False), control.DoneReply)
    later = system.add("Not now", instructions=say_and_wait(started, gate))
    gate.open()
    system.ctl("drain")
    assert system.ticket(running).state == "in_review"
    assert system.ticket(later).state == "ready"


def test_restarts_in_quick_succession_lose_nothing(
    system: System, started: Gate, gate: Gate
) -> None:
    ticket = system.add("Outlive all", instructions=say_and_wait(started, gate))
    agent = int(started.line())
    for _ in range(3):
        system.kill_daemon()
        system.start()
    assert traces.alive(agent)
    gate.open()
    assert system.wait(ticket)[0].state == "in_review"
    assert system.run(ticket).epoch == 1
