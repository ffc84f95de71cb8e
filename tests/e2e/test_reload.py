"""Another configuration for a daemon at work."""

import signal
from collections.abc import Callable

from support.deadline import eventually
from support.gate import Gate
from support.settings import BRISK, toml
from support.system import System

NewSystem = Callable[..., System]
TALK = 'argv = ["sh", "-c", "echo {} {}; {}"]'


def configure(system: System, said: str, **settings: int) -> None:
    """The profile ``speaker`` says another word into the gate, then waits there."""
    system.config.write_text(toml({**settings, **BRISK}) + said)


def speaker(word: str, started: Gate, gate: Gate, more: str = "") -> str:
    line = TALK.format(word, started.tell, gate.pause)
    return f"[agents.speaker]\n{line}\n{more}"


def test_a_reload_counts_for_new_runs_and_a_fault_for_none(
    new_system: NewSystem, started: Gate, gate: Gate
) -> None:
    system = new_system()
    configure(system, speaker("old", started, gate, 'on_success = "complete"\n'))
    system.start()
    first = system.add("First", agent="speaker")
    assert started.line() == "old"

    configure(system, speaker("new", started, gate, "on_succes = 1\n"))
    refused = system.ctl("reload", check=False)
    assert refused.returncode == 1
    assert "on_succes is not known, did you mean on_success?" in refused.stderr
    assert "the configuration in force goes on" in refused.stderr
    system.worker_running()

    configure(system, speaker("new", started, gate), worker_count=2, slots=1)
    said = system.ctl("reload").stdout
    assert "agents.speaker.argv" in said
    assert "worker_count" in said
    system.worker_running("worker-2")
    assert system.worker().slots == 1

    second = system.add("Second", agent="speaker")
    assert started.line() == "new"
    gate.open(2)
    [begun_before] = system.wait(first)
    [begun_after] = system.wait(second)
    assert begun_before.state == "completed"
    assert begun_after.state == "in_review"


def test_sighup_reloads_and_the_log_says_what_changed(new_system: NewSystem) -> None:
    system = new_system(workers=0).start()
    configure(system, "", worker_count=1)
    system.daemon.send_signal(signal.SIGHUP)
    eventually(lambda: system.status().workers, "a worker")
    system.worker_running()
    system.config.write_text("slots = 0\n")
    system.daemon.send_signal(signal.SIGHUP)

    def log() -> str:
        return system.ctl("logs", "daemon").stdout

    eventually(lambda: "slots is 0; allowed" in log(), "the fault in the log")
    assert "worker_count" in log()
    assert system.status().daemon.healthy
