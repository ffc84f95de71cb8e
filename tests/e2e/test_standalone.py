"""Workers that are started by hand: admitted, seen, survived, refused."""

import json
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from kanban_ipc import layout
from support.deadline import eventually
from support.gate import Gate
from support.system import System

NewSystem = Callable[..., System]


@pytest.fixture
def alone(new_system: NewSystem) -> System:
    """A daemon that only queues, ready."""
    return new_system({"mode": "standalone"}).start()


def gone(system: System, worker_id: str) -> None:
    eventually(
        lambda: system.worker(worker_id).state == "EXITED", f"{worker_id} EXITED"
    )


def test_a_worker_started_by_hand_does_the_work_and_drains_at_sigterm(
    alone: System, started: Gate, gate: Gate
) -> None:
    ticket = alone.add("By hand", instructions=f"echo $$ {started.tell}\n{gate.pause}")
    why = alone.ctl("why", str(ticket)).stdout
    assert "kanban-worker --connect" in why

    worker = alone.by_hand("--slots", "1")
    assert alone.worker_running() == worker.pid
    seen = alone.worker()
    assert (seen.connected, seen.by_hand, seen.slots) == (True, True, 1)
    started.line()
    elsewhere = alone.ctl("logs", "worker-1", check=False)
    assert "writes where it was started" in elsewhere.stderr
    worker.signal(signal.SIGTERM)
    eventually(lambda: "Draining" in worker.log, "it drains")
    gate.open()
    assert worker.wait() == 0
    [done] = alone.wait(ticket)
    assert done.state == "in_review"
    gone(alone, "worker-1")
    exit_ = alone.worker().last_exit
    assert exit_ is not None
    assert "drained" in exit_.reason
    alone.shutdown()


def test_its_next_start_takes_over_what_it_left(
    alone: System, started: Gate, gate: Gate
) -> None:
    first = alone.by_hand("--id", "mine")
    ticket = alone.add("Outlive", instructions=f"echo $$ {started.tell}\n{gate.pause}")
    started.line()
    first.end(signal.SIGKILL)
    gone(alone, "mine")

    second = alone.by_hand("--id", "mine")
    alone.worker_running("mine", other_than=first.pid)
    eventually(lambda: alone.worker("mine").current, "it has the run in hand")
    gate.open()
    [done] = alone.wait(ticket)
    assert done.state == "in_review"
    assert alone.run(ticket).worker_id == "mine"
    assert second.end() == 0


def test_it_goes_on_without_its_daemon_and_the_next_one_knows_it(
    alone: System, started: Gate, gate: Gate
) -> None:
    worker = alone.by_hand()
    ticket = alone.add("Outlive", instructions=f"echo $$ {started.tell}\n{gate.pause}")
    started.line()
    alone.kill_daemon()
    gate.open()
    eventually(lambda: "Task completed" in worker.log, "it is done without a daemon")
    alone.start()
    assert alone.worker_running() == worker.pid
    [done] = alone.wait(ticket)
    assert done.state == "in_review"

    assert alone.signal(signal.SIGTERM) == 0
    assert worker.alive
    alone.start()
    assert alone.worker_running() == worker.pid
    assert worker.end(signal.SIGINT) == 0
    gone(alone, "worker-1")
    alone.signal(signal.SIGTERM)
    alone.start()
    assert alone.status().workers == []


def test_what_cannot_join_is_told_why(alone: System, tmp_path: Path) -> None:
    first = alone.by_hand("--id", "twin")
    alone.worker_running("twin")
    second = alone.by_hand("--id", "twin")
    assert second.wait() == 100
    assert "the worker twin is alive already" in second.log

    choosy = alone.by_hand("--agent", "nobody")
    assert choosy.wait() == 2
    assert "there is no profile 'nobody'" in choosy.log

    nowhere = alone.by_hand(where=tmp_path / "nowhere")
    assert nowhere.wait() == 69
    assert "Start kanband first" in nowhere.log

    path = alone.runtime / layout.WORKER_JOIN
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    forged = alone.home / layout.WORKER_JOIN
    own = json.loads(path.read_text())
    forged.write_text(json.dumps({**own, "secret": "guessed"}))
    liar = alone.by_hand(where=alone.home)
    assert liar.wait() == 2
    assert "not the secret" in liar.log
    assert alone.worker_running("twin") == first.pid
    assert first.end() == 0


def test_commands_about_processes_say_what_to_do_instead(alone: System) -> None:
    for words in (["start-worker"], ["scale", "2"], ["stop-worker", "--all"]):
        refused = alone.ctl(*words, check=False)
        assert refused.returncode == 1
        assert "kanban-worker --connect" in refused.stderr
        assert 'mode = "managed"' in refused.stderr


def test_a_managed_daemon_takes_guests_under_other_names(new_system: NewSystem) -> None:
    system = new_system().start()
    system.worker_running()
    thief = system.by_hand("--id", "worker-2")
    system.worker_running("worker-2")
    assert thief.end() == 0
    system.ctl("stop-worker", "worker-1")
    taken = system.by_hand("--id", "worker-1")
    assert taken.wait() == 2
    assert "a worker that the daemon starts itself" in taken.log

    guest = system.by_hand("--agent", "noop")
    assert system.worker_running("guest-1") == guest.pid
    ticket = system.add("Beside", agent="noop")
    [done] = system.wait(ticket)
    assert done.state == "completed"
    assert system.run(ticket).worker_id == "guest-1"
    refused = system.ctl("stop-worker", "guest-1", check=False)
    assert refused.returncode == 1
    assert f"kill {guest.pid}" in refused.stderr
    system.ctl("stop-worker", "--all")
    assert system.worker_running("guest-1") == guest.pid
    assert guest.end() == 0
