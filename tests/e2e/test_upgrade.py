"""``kanbanctl upgrade``: everything becomes another version, and no agent notices."""

import shlex
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from kanban_ipc import control, layout
from support import traces
from support.deadline import eventually
from support.gate import Gate
from support.installation import Installation
from support.system import System

NewSystem = Callable[..., System]
OLD, NEW = "1.0.0", "1.1.0-new"
"""Of different lengths, so that no compiled file is taken for the other's."""


@pytest.fixture
def installed(new_system: NewSystem, tmp_path: Path) -> tuple[System, Installation]:
    """Two workers of one slot; not started yet."""
    system = new_system(workers=2, slots=1)
    installation = Installation(tmp_path / "installed", OLD)
    system.extra["PYTHONPATH"] = installation.path
    return system, installation


def test_an_upgrade_replaces_what_is_idle_and_no_agent_notices(
    installed: tuple[System, Installation], started: Gate, tmp_path: Path
) -> None:
    system, installation = installed
    system.start()
    enough = tmp_path / "enough"
    ticket = system.add(
        "Count",
        instructions=(
            f"n=0\nwhile [ ! -e {shlex.quote(str(enough))} ]; do\n"
            f'n=$((n+1)); echo "$n"; [ "$n" = 3 ] && echo $$ {started.tell}\n'
            "sleep 0.01; done\n"
        ),
    )
    agent = int(started.line())
    for name in ("worker-1", "worker-2"):
        system.worker_running(name)
    before = system.status()
    [busy] = [worker for worker in before.workers if worker.current]
    [idle] = [worker for worker in before.workers if not worker.current]

    installation.install(NEW)
    said = system.ctl("upgrade").stdout

    assert f"kanband {OLD} became {NEW}" in said
    after = system.status()
    assert (after.daemon.version, after.daemon.pid) == (NEW, before.daemon.pid)
    assert system.notify.heard("RELOADING=1")
    system.worker_running(idle.worker_id, other_than=idle.pid or 0)
    assert system.worker(idle.worker_id).version == NEW
    left = system.worker(busy.worker_id)
    assert (left.pid, left.version) == (busy.pid, OLD)
    assert OLD in left.renewal
    assert "replaced when it has no run" in system.ctl("status").stdout
    assert system.spawner_pid() != before.daemon.spawner_pid

    assert traces.alive(agent)
    enough.touch()
    [rested] = system.wait(ticket)
    assert rested.state == "in_review"
    run = system.run(ticket)
    assert (run.status, run.epoch) == ("finished", 1)
    lines = (system.run_dir(run) / layout.RUN_STDOUT).read_text().split()
    assert lines == [str(n + 1) for n in range(len(lines))]

    system.worker_running(busy.worker_id, other_than=busy.pid or 0)
    assert {worker.version for worker in system.status().workers} == {NEW}
    assert [worker.restart_count for worker in system.status().workers] == [0, 0]
    # It was the parent of the last old worker, and is ours to bury.
    spawner = before.daemon.spawner_pid or 0
    eventually(lambda: not Path(f"/proc/{spawner}").exists(), "the old spawner went")
    assert system.status().daemon.healthy
    system.shutdown()


def test_a_version_that_would_not_start_is_refused_and_changes_nothing(
    installed: tuple[System, Installation],
) -> None:
    system, installation = installed
    system.start()
    before = system.status()

    installation.spoil("no such thing as a kanban")
    refused = system.ctl("upgrade", check=False)

    assert refused.returncode == 1
    assert "nothing was changed" in refused.stderr
    assert "no such thing as a kanban" in refused.stderr
    after = system.status()
    assert after.daemon.started_at_ms == before.daemon.started_at_ms
    assert after.daemon.version == OLD


def test_a_stop_that_comes_while_one_version_becomes_another_is_heeded(
    installed: tuple[System, Installation],
) -> None:
    system, installation = installed
    system.start()
    system.worker_running("worker-2")

    installation.install(NEW)
    reply = system.ask(control.UpgradeCall(), control.UpgradeReply)
    assert (reply.version, reply.installed) == (OLD, NEW)
    assert system.notify.await_line("RELOADING=1", system.daemon, 30)

    assert system.signal(signal.SIGTERM) == 0, system.output.read_text()
    eventually(lambda: not system.processes(), f"all gone: {system.processes()}")
