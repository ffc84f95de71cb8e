"""Slots inside the daemon: the same worker in a thread of its process."""

import os
import signal
from collections.abc import Callable

import pytest

from support import traces
from support.deadline import eventually
from support.gate import Gate
from support.system import System

NewSystem = Callable[..., System]


@pytest.fixture
def inline(new_system: NewSystem) -> System:
    """One process, two slots, ready."""
    return new_system({"mode": "inline"}, slots=2).start()


def test_the_daemon_does_the_work_itself_and_agents_are_under_shims(
    inline: System, started: Gate, gate: Gate
) -> None:
    assert inline.worker_running("inline") == inline.daemon.pid
    ticket = inline.add("Within", instructions=f"echo $$ {started.tell}\n{gate.pause}")
    agent = int(started.line())
    mine = inline.worker("inline")
    assert [each.ticket_id for each in mine.current] == [ticket]
    assert (mine.connected, mine.by_hand, mine.slots) == (True, False, 2)
    assert inline.status().daemon.spawner_pid is None
    assert os.getpgid(agent) != os.getpgid(inline.daemon.pid)
    assert "Welcomed by the daemon" in inline.ctl("logs", "inline").stdout

    for words in (["stop-worker", "inline"], ["start-worker"], ["scale", "2"]):
        refused = inline.ctl(*words, check=False)
        assert refused.returncode == 1
        assert '"slots"' in refused.stderr
    gate.open()
    [done] = inline.wait(ticket)
    assert done.state == "in_review"
    inline.shutdown()


def test_killed_with_its_worker_it_leaves_runs_that_the_next_daemon_adopts(
    inline: System, started: Gate, gate: Gate
) -> None:
    ticket = inline.add("Outlive", instructions=f"echo $$ {started.tell}\n{gate.pause}")
    agent = int(started.line())
    inline.kill_daemon()
    assert traces.alive(agent)

    inline.start()
    eventually(lambda: inline.worker("inline").current, "it has the run in hand")
    assert traces.alive(agent)
    gate.open()
    [done] = inline.wait(ticket)
    assert done.state == "in_review"
    assert inline.run(ticket).attempt == 1


def test_handed_over_it_lets_its_runs_go_on(
    inline: System, started: Gate, gate: Gate
) -> None:
    ticket = inline.add("Outlive", instructions=f"echo $$ {started.tell}\n{gate.pause}")
    agent = int(started.line())
    assert inline.signal(signal.SIGUSR1) == 0
    assert traces.alive(agent)
    gate.open()
    inline.start()
    [done] = inline.wait(ticket)
    assert done.state == "in_review"
    assert inline.run(ticket).attempt == 1


def test_stopped_it_drains_and_a_second_signal_hurries(
    inline: System, started: Gate, gate: Gate
) -> None:
    ticket = inline.add("Long", instructions=f"echo $$ {started.tell}\n{gate.pause}")
    agent = int(started.line())
    inline.daemon.send_signal(signal.SIGTERM)
    log = inline.state / "logs" / "inline.log"
    eventually(lambda: "Draining" in log.read_text(), "it drains")
    assert traces.alive(agent)
    assert inline.signal(signal.SIGTERM) == 0
    assert not traces.alive(agent)
    inline.start()
    eventually(lambda: inline.runs(ticket)[1:], "it is tried again")
    assert inline.runs(ticket)[-1].failure == "shutdown"
    gate.open()
    inline.wait(ticket)
