"""A disk that is full, when an agent ends or a ticket is added; or is read-only."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kanban_ipc import layout
from kanband.errors import EXIT_SYSTEM
from support import traces
from support.control import CallFailed
from support.deadline import eventually
from support.gate import Gate
from support.system import System

NewSystem = Callable[..., System]


@pytest.fixture
def small(new_system: NewSystem) -> Iterator[System]:
    """A system whose whole state lies on a file system of 24 MiB."""
    system = new_system()
    system.state.mkdir(mode=0o700)
    options = ["-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs"]
    mounted = subprocess.run(
        ["mount", *options, str(system.state)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount a small disk: {mounted.stderr.strip()}")
    yield system.start()
    # Nothing may hold the mount: everything is ended first.
    traces.end_all((str(system.state), str(system.runtime), system.token))
    system.daemon.wait(10)
    subprocess.run(["umount", str(system.state)], check=True)


@pytest.mark.root
def test_a_full_disk_does_not_lose_the_exit_code(
    small: System, started: Gate, gate: Gate
) -> None:
    ballast = small.state / "ballast"
    lines = f"echo $$ {started.tell}\n{gate.pause}\nexit 7\n"
    ticket = small.add("End on a full disk", instructions=lines, max_retries=0)
    agent = int(started.line())
    run = small.run(ticket)
    shim = small.shim(run)["pid"]

    fill(ballast)
    gate.open()
    assert traces.await_end(agent)
    assert traces.await_end(shim), "the shim ends although it cannot write"
    record = small.run_dir(run) / layout.RUN_EXIT
    assert record.exists()
    assert record.stat().st_size > 0
    ballast.unlink()

    recovered(small)
    [rested] = small.wait(ticket)
    assert rested.state == "failed"
    run = small.run(ticket)
    assert (run.status, run.failure, run.exit_code) == ("error", "agent_error", 7)


@pytest.mark.root
def test_a_full_disk_is_told_and_what_was_acknowledged_is_kept(small: System) -> None:
    ballast = small.state / "ballast"
    kept = [small.add("Before", ready=False)]
    fill(ballast)
    # What is left of the log may do for less.
    with pytest.raises(CallFailed, match="disk with the store is full"):
        small.add("While it is full", instructions="x" * 200_000, ready=False)
    found = small.status().daemon
    assert not found.healthy
    assert any("the store takes no changes" in text for text in found.problems)
    assert any("MiB left" in text for text in found.problems)

    ballast.unlink()
    eventually(lambda: small.status().daemon.healthy, "healthy by itself")
    kept.append(small.add("After", ready=False))
    assert [ticket.id for ticket in small.tickets()] == kept


@pytest.mark.root
def test_a_read_only_disk_is_worth_another_start(small: System) -> None:
    kept = small.add("Before", ready=False)
    small.shutdown()
    remount(small, "ro")
    assert small.launch().wait(20) == EXIT_SYSTEM, "100 would keep systemd from it"
    assert "Read-only file system" in small.output.read_text()
    remount(small, "rw")
    small.start()
    assert [ticket.id for ticket in small.tickets()] == [kept]


def remount(system: System, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(system.state)], check=True)


def fill(path: Path) -> None:
    """Take every last byte."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while file.write(b"\0" * size):
                    pass
            except OSError:
                continue


def recovered(system: System) -> None:
    """A daemon that gave up for want of space is started again, as systemd would."""
    if system.daemon.poll() is not None:
        system.start()
    eventually(lambda: system.status().daemon.state == "running", "running again")
