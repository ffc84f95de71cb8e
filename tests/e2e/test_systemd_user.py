"""The units on a real systemd, under the manager of a user who lingers."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kanban_ipc import control
from support.deadline import eventually
from support.gate import Gate
from support.settings import BRISK, toml
from support.systemd_lab import UID, Lab, booted
from support.user_service import DAEMON, WORKERS, UserService, run_unit

pytestmark = [pytest.mark.systemd, pytest.mark.root]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    (directory := tmp_path / "machine").mkdir()
    with booted(directory) as lab:
        yield lab


@pytest.fixture
def service(lab: Lab) -> UserService:
    return UserService(lab).start()


@pytest.fixture
def new_gate(lab: Lab) -> Iterator[Callable[[str], Gate]]:
    """Between the test and agents of the machine's user."""
    gates: list[Gate] = []

    def make(name: str) -> Gate:
        gates.append(gate := Gate(lab.shared / f"{name}.fifo"))
        gate.path.chmod(0o666)
        return gate

    yield make
    for gate in gates:
        gate.close()


def say_and_wait(started: Gate, gate: Gate) -> str:
    return f"echo $$ {started.tell}\n{gate.pause}\n"


def counting_until(stop: Path, started: Gate) -> str:
    count = f"while ! test -e {stop}; do echo $n; n=$((n+1)); sleep 0.01; done"
    return f"echo $$ {started.tell}\nn=0\n{count}\n"


def assert_gapless(service: UserService, run: control.Run) -> None:
    lines = service.output(run).split()
    assert lines == [str(number) for number in range(len(lines))]
    assert run.output_bytes == sum(len(line) + 1 for line in lines)


def test_the_units_have_nothing_that_systemd_objects_to(lab: Lab) -> None:
    service = UserService(lab)
    folder = "/home/dev/.config/systemd/user"
    # It leaves with 0 whatever it has to say.
    verify = f"systemd-analyze --user verify {folder}/* 2>&1"
    assert service.lab.user("sh", "-c", verify) == ""


def test_daemon_workers_and_each_run_are_units_of_their_own(
    service: UserService, started: Gate, gate: Gate
) -> None:
    ticket = service.add("Live apart", say_and_wait(started, gate))
    agent = int(started.line())
    unit = run_unit(service.run(ticket))

    members = sorted([service.spawner(), service.worker()])
    # The worker's systemd-run is on its way out.
    eventually(lambda: service.pids(WORKERS) == members, "spawner and worker alone")
    assert service.pids(DAEMON) == [service.main_pid()]
    assert service.pids(unit) == sorted([service.main_pid(unit), agent])
    assert service.show(unit, "Slice") == "kanban-runs.slice"
    gate.open()
    assert service.rested(ticket) == "in_review"
    eventually(lambda: not service.pids(unit), "the run's unit is empty")


def test_a_restart_replaces_the_daemon_and_nothing_else(
    service: UserService, started: Gate
) -> None:
    stop = service.lab.shared / "stop"
    ticket = service.add("Count", counting_until(stop, started))
    agent = int(started.line())
    daemon, spawner, worker = service.main_pid(), service.spawner(), service.worker()
    unit = run_unit(service.run(ticket))
    shim = service.main_pid(unit)

    service.systemctl("restart", DAEMON)

    assert service.main_pid() != daemon
    assert (service.spawner(), service.worker()) == (spawner, worker)
    assert service.pids(WORKERS) == sorted([spawner, worker])
    assert {shim, agent} <= set(service.pids(unit))
    stop.touch()
    assert service.rested(ticket) == "in_review"
    run = service.run(ticket)
    assert (run.status, run.epoch) == ("finished", 1)
    assert_gapless(service, run)


def test_a_killed_daemon_is_started_again_and_adopts(
    service: UserService, started: Gate
) -> None:
    stop = service.lab.shared / "stop"
    ticket = service.add("Count", counting_until(stop, started))
    agent = int(started.line())
    daemon, spawner, worker = service.main_pid(), service.spawner(), service.worker()

    service.kill(daemon)
    service.next_daemon(daemon)

    assert (service.spawner(), service.worker()) == (spawner, worker)
    assert agent in service.pids(run_unit(service.run(ticket)))
    stop.touch()
    assert service.rested(ticket) == "in_review"
    run = service.run(ticket)
    assert (run.status, run.epoch) == ("finished", 1)
    assert_gapless(service, run)


def test_a_stuck_daemon_is_replaced_by_the_watchdog(
    lab: Lab, started: Gate, gate: Gate
) -> None:
    service = UserService(lab)
    service.edit(DAEMON, "[Service]\nWatchdogSec=1s\n")
    service.start()
    ticket = service.add("Go on", say_and_wait(started, gate))
    started.line()
    daemon, worker = service.main_pid(), service.worker()

    service.kill(daemon, "STOP")
    service.next_daemon(daemon)

    assert "Fatal Python error: Aborted" in lab.journal(), "its stack was asked for"
    assert service.worker() == worker
    gate.open()
    assert service.rested(ticket) == "in_review"
    assert service.run(ticket).status == "finished"


def test_a_killed_spawner_is_followed_by_another_in_the_same_unit(
    service: UserService, started: Gate, gate: Gate
) -> None:
    ticket = service.add("Go on", say_and_wait(started, gate))
    started.line()
    worker, spawner = service.worker(), service.spawner()

    service.kill(spawner)
    successor = service.spawner(other_than=spawner)

    assert service.worker() == worker
    assert service.pids(WORKERS) == sorted([successor, worker])
    # And it does its work there.
    service.kill(worker)
    replaced = service.worker(other_than=worker)
    assert service.pids(WORKERS) == sorted([successor, replaced])
    gate.open()
    assert service.rested(ticket) == "in_review"
    assert service.run(ticket).status == "finished"


def test_nothing_of_a_run_outlives_its_killed_shim(
    service: UserService, started: Gate, gate: Gate
) -> None:
    """Not even what has left the agent's session; systemd sees to it."""
    stray = f"setsid sleep 1000 &\necho $! {started.tell}\n"
    ticket = service.add("Start over", stray + say_and_wait(started, gate))
    members = {int(started.line()), int(started.line())}
    unit = run_unit(service.run(ticket))
    shim = service.main_pid(unit)
    assert members < set(service.pids(unit))

    service.kill(shim)

    eventually(lambda: not service.pids(unit), "the run's unit is empty")
    started.line()
    started.line()
    gate.open()
    assert service.rested(ticket) == "in_review"
    again, lost = service.runs(ticket)
    assert (again.failure, lost.failure) == (None, "worker_lost")


def test_stop_lets_runs_finish_and_leaves_no_process(
    service: UserService, started: Gate, gate: Gate
) -> None:
    ticket = service.add("Finish", say_and_wait(started, gate))
    started.line()
    unit = run_unit(service.run(ticket))

    service.systemctl("stop", "--no-block", DAEMON)
    eventually(lambda: service.show(DAEMON, "SubState") == "stop-sigterm", "stopping")
    gate.open()
    eventually(lambda: service.show(DAEMON, "ActiveState") == "inactive", "stopped")

    assert service.show(DAEMON, "Result") == "success"
    eventually(lambda: service.show(WORKERS, "ActiveState") == "inactive", "ended")
    assert [service.pids(name) for name in (DAEMON, WORKERS, unit)] == [[], [], []]
    service.systemctl("start", DAEMON)
    assert service.rested(ticket) == "in_review"


def test_a_stop_that_takes_long_is_given_its_time(lab: Lab, started: Gate) -> None:
    """What the configuration allows holds, whatever the unit says."""
    service = UserService(lab, toml({**BRISK, "workers.stop_timeout_s": 2}))
    service.edit(DAEMON, "[Service]\nTimeoutStopSec=500ms\n")
    service.start()
    service.add("Outlast", f"echo $$ {started.tell}\nsleep 1000\n")
    started.line()

    service.systemctl("stop", DAEMON)

    assert service.show(DAEMON, "Result") == "success"
    eventually(lambda: not service.pids(WORKERS), "workers and spawner have left")


def test_what_a_shutdown_of_the_machine_cuts_short_goes_on_after_it(
    lab: Lab, started: Gate, gate: Gate
) -> None:
    settings = {**BRISK, "workers.stop_timeout_s": 0.5}
    service = UserService(lab, toml(settings)).start()
    ticket = service.add("Outlast", say_and_wait(started, gate))
    started.line()

    lab.root("systemctl", "stop", f"user@{UID}.service")
    lab.root("systemctl", "start", f"user@{UID}.service")

    started.line()
    gate.open()
    assert service.rested(ticket) == "in_review"
    assert [run.failure for run in service.runs(ticket)] == [None, "shutdown"]


def test_a_configuration_that_is_refused_is_not_tried_again(lab: Lab) -> None:
    service = UserService(lab, "slots = -1\n")
    service.systemctl("start", DAEMON, check=False)
    assert service.show(DAEMON, "ActiveState") == "failed"
    assert service.show(DAEMON, "ExecMainStatus") == "100"
    assert service.show(DAEMON, "NRestarts") == "0"
    assert "slots" in lab.journal()


def test_a_reload_is_in_force_when_systemctl_returns_and_fails_for_a_fault(
    service: UserService,
) -> None:
    file, daemon = ".config/kanban/kanban.toml", service.main_pid()
    service.write(file, toml({"worker_count": 2, **BRISK}))
    service.systemctl("reload", DAEMON)
    assert len(service.status().workers) == 2
    service.write(file, "slotz = 2\n")
    with pytest.raises(AssertionError, match="reload"):
        service.systemctl("reload", DAEMON)
    assert service.main_pid() == daemon
    assert service.show(DAEMON, "ActiveState") == "active"


def test_a_worker_of_its_own_is_a_service_that_its_runs_outlive(
    lab: Lab, started: Gate, gate: Gate
) -> None:
    service = UserService(lab, toml({**BRISK, "mode": "standalone"})).start()
    own = "kanban-worker@one.service"
    service.systemctl("start", own)
    first = service.worker()
    assert service.main_pid(own) == first
    assert service.status().workers[0].worker_id == "one"

    ticket = service.add("Outlive", say_and_wait(started, gate))
    agent = int(started.line())
    unit = run_unit(service.run(ticket))
    service.kill(first)
    second = service.worker(other_than=first)
    assert service.main_pid(own) == second
    assert agent in service.pids(unit)
    gate.open()
    assert service.rested(ticket) == "in_review"
    assert service.run(ticket).epoch == 1

    service.systemctl("restart", DAEMON)
    assert service.worker() == second
    service.systemctl("stop", own)
    eventually(
        lambda: [each.state for each in service.status().workers] == ["EXITED"],
        "its end is seen",
    )
