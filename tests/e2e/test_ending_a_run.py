"""Cancel, and the limits that end a run without anybody's word."""

import signal
import time
from collections.abc import Callable

import pytest

from kanban_ipc import control, layout
from support import traces
from support.deadline import eventually
from support.gate import Gate
from support.system import System

NewSystem = Callable[..., System]

STUBBORN = """\
trap '' TERM
setsid sh -c 'trap "" TERM; echo $$ {tell}; while :; do sleep 1000; done' &
setsid setsid sh -c 'trap "" TERM; echo $$ {tell}; while :; do sleep 1000; done' &
echo $$ {tell}
while :; do sleep 1000; done
"""


def test_cancel_ends_an_agent_that_ignores_sigterm_and_its_far_children(
    system: System, started: Gate
) -> None:
    ticket = system.add("Resist", instructions=STUBBORN.format(tell=started.tell))
    pids = [int(started.line()) for _ in range(3)]
    grace_s = 1.0

    began = time.monotonic()
    reply = system.ask(control.CancelCall(ids=[ticket]), control.CancelledReply)
    took_s = time.monotonic() - began

    assert not any(traces.alive(pid) for pid in pids)
    assert took_s < grace_s + 1
    [run] = reply.runs
    assert run.status == "aborted"
    assert run.failure == "cancelled"
    assert run.proof in {"cgroup", "subreaper"}
    assert [ticket.state for ticket in reply.tickets] == ["cancelled"]


def test_a_cancel_reaches_the_agent_before_the_grace_is_over(
    system: System, started: Gate, gate: Gate
) -> None:
    lines = f"trap 'exit 5' TERM\necho $$ {started.tell}\n{gate.pause}\n"
    ticket = system.add("Obey", instructions=lines)
    agent = int(started.line())
    system.ctl("cancel", str(ticket), "--no-wait")
    assert traces.await_end(agent, timeout_s=5)
    # It has heard TERM: after the grace it would have been killed.
    system.wait(ticket, states=["cancelled"])
    assert system.run(ticket).exit_code == 5


def test_cancel_of_the_run_alone_makes_the_ticket_ready_again(
    system: System, started: Gate, gate: Gate
) -> None:
    lines = f"echo $$ {started.tell}\n{gate.pause}\n"
    ticket = system.add("Again", instructions=lines)
    first = started.line()
    wish = control.CancelCall(ids=[ticket], requeue=True)
    system.ask(wish, control.CancelledReply)
    assert started.line() != first
    gate.open()
    assert system.wait(ticket)[0].state == "in_review"


@pytest.fixture
def limited(new_system: NewSystem) -> System:
    settings = {"limits.run_s": 60, "limits.silence_s": 1.0, "limits.log_mib": 1}
    return new_system(settings).start()


def end_while_the_worker_is_stopped(
    system: System, ticket: int, started: Gate
) -> control.Run:
    """The run's exit record is written while its worker cannot do anything."""
    agent = int(started.line())
    system.wait(ticket, states=["working"])
    worker = system.worker_running()
    run = system.run(ticket)
    traces.kill(worker, signal.SIGSTOP)
    assert traces.await_end(agent)
    record = system.run_dir(run) / layout.RUN_EXIT
    eventually(record.exists, "the exit record")
    eventually(lambda: system.ticket(ticket).state == "working", "it works")
    traces.kill(worker, signal.SIGCONT)
    system.wait(ticket)
    return system.run(ticket)


def test_the_wall_time_holds_while_the_worker_is_stopped(
    system: System, started: Gate
) -> None:
    lines = f"echo $$ {started.tell}\nwhile :; do echo busy; sleep 0.1; done\n"
    ticket = system.add("Take long", instructions=lines, timeout_s=1.5, max_retries=0)
    run = end_while_the_worker_is_stopped(system, ticket, started)
    assert run.failure == "timeout"
    assert system.ticket(ticket).state == "failed"


def test_the_silence_limit_holds_while_the_worker_is_stopped(
    limited: System, started: Gate
) -> None:
    lines = f"echo $$ {started.tell}\nsleep 1000\n"
    ticket = limited.add("Say nothing", instructions=lines, max_retries=0)
    run = end_while_the_worker_is_stopped(limited, ticket, started)
    assert run.failure == "stalled"


def test_the_log_cap_holds_while_the_worker_is_stopped(
    limited: System, started: Gate
) -> None:
    lines = (
        f"echo $$ {started.tell}\necho first words\n"
        "n=0; while [ $n -lt 40 ]; do head -c 262144 /dev/zero | tr '\\0' x; "
        "sleep 0.01; n=$((n + 1)); done\necho last words\n"
    )
    ticket = limited.add("Talk", instructions=lines, max_retries=0)
    run = end_while_the_worker_is_stopped(limited, ticket, started)

    assert run.status == "finished"
    assert run.log_cut
    log = limited.run_dir(run) / layout.RUN_STDOUT
    assert log.stat().st_blocks * 512 < 2 << 20, "ten MiB were written"
    shown = limited.ctl("run", "logs", str(ticket)).stdout
    assert shown.startswith("first words")
    assert shown.rstrip().endswith("last words")


def test_what_an_agent_leaves_running_is_ended_and_counted(
    system: System, started: Gate
) -> None:
    lines = f"setsid sleep 1000 &\necho $! {started.tell}\n"
    ticket = system.add("Leave one", instructions=lines)
    stray = int(started.line())
    system.wait(ticket)
    assert not traces.alive(stray)
    run = system.run(ticket)
    assert run.leftovers_killed >= 1
    assert run.proof in {"cgroup", "subreaper"}
