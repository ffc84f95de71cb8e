"""The units on a real systemd: of a user who lingers, and of the system."""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from kanban_ipc import control
from kanbanctl.service import texts
from support.deadline import eventually
from support.gate import Gate
from support.installation import Installation
from support.settings import BRISK, toml
from support.systemd_lab import UID, USER, Lab, booted
from support.unit_service import DAEMON, WORKERS, Scope, UnitService, run_unit

pytestmark = [pytest.mark.systemd, pytest.mark.root]
OWN_WORKERS = ("kanban-worker@one.service", "kanban-worker@two.service")
EXPOSURE_MAX = 15
"""Of 100; ``systemd-analyze security`` calls up to 19 OK."""

NewService = Callable[..., UnitService]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One machine for all: each test leaves it without a service."""
    with booted(tmp_path_factory.mktemp("machine")) as lab:
        yield lab


@pytest.fixture
def new_service(lab: Lab) -> Iterator[NewService]:
    """Installed, not started."""
    made: list[UnitService] = []

    def make(config: str = toml(BRISK), *, scope: Scope = "user") -> UnitService:
        made.append(service := UnitService(lab, config, scope=scope))
        return service

    yield make
    for service in made:
        service.remove()


@pytest.fixture
def service(new_service: NewService) -> UnitService:
    """The user's, running."""
    return new_service().start()


@pytest.fixture(params=["user", "system"])
def either(new_service: NewService, request: pytest.FixtureRequest) -> UnitService:
    """Installed under one manager, then under the other; not started."""
    return new_service(scope=request.param)


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


def assert_gapless(service: UnitService, run: control.Run) -> None:
    lines = service.output(run).split()
    assert lines == [str(number) for number in range(len(lines))]
    assert run.output_bytes == sum(len(line) + 1 for line in lines)


def test_the_units_have_nothing_that_systemd_objects_to(either: UnitService) -> None:
    # It leaves with 0 whatever it has to say.
    verify = f"systemd-analyze --{either.scope} verify {either.places.units}/kanb* 2>&1"
    assert either.execute("sh", "-c", verify) == ""


def test_the_systems_daemon_is_exposed_as_little_as_its_job_allows(
    new_service: NewService,
) -> None:
    """What is left is explained in the unit."""
    service = new_service(scope="system")
    threshold = f"--threshold={EXPOSURE_MAX}"
    service.lab.root("systemd-analyze", "security", threshold, DAEMON)


def test_daemon_workers_and_each_run_are_units_of_their_own(
    service: UnitService, started: Gate, gate: Gate
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
    assert service.run(ticket).proof == "cgroup"


def test_a_profile_s_resources_are_the_unit_s_and_hold_in_any_case(
    new_service: NewService, started: Gate, gate: Gate
) -> None:
    """The machine of these tests has no controllers, so the shim itself looks."""
    table = "memory_mib = 64\nprocesses = 20\ncpu_percent = 50\nnice = 5\n"
    config = f"{toml(BRISK)}\n[agents.shell.resources]\n{table}"
    service = new_service(config).start()
    fork = "i=0; while [ $i -lt 30 ]; do sleep 1000 & i=$((i+1)); done\nwait\n"
    ticket = service.add("Fork", say_and_wait(started, gate) + fork)
    agent = int(started.line())
    unit = run_unit(service.run(ticket))

    names = ("MemoryMax", "TasksMax", "CPUQuotaPerSecUSec")
    assert [service.show(unit, name) for name in names] == ["67108864", "21", "500ms"]
    nice = service.lab.root("ps", "-o", "ni=", "-p", str(agent))
    assert nice.strip() == "5"
    gate.open()
    assert service.rested(ticket) == "failed"
    run = service.run(ticket)
    assert (run.failure, run.proof) == ("over_budget", "cgroup")


def test_an_agent_notices_nothing_of_its_daemons_restart_death_and_hang(
    either: UnitService, started: Gate
) -> None:
    service = either
    service.edit(DAEMON, "[Service]\nWatchdogSec=1s\n")
    service.start()
    stop = service.lab.shared / "stop"
    ticket = service.add("Count", counting_until(stop, started))
    agent = int(started.line())
    spawner, worker = service.spawner(), service.worker()
    unit = run_unit(service.run(ticket))
    shim = service.main_pid(unit)

    daemon = service.main_pid()
    service.systemctl("restart", DAEMON)
    assert service.main_pid() != daemon
    said = service.entries("KANBAN_WAY=hand_over", f"_PID={daemon}")
    assert said == "leaving way=hand_over\n"
    assert service.entries("KANBAN_STATE=RUNNING", f"_PID={daemon}")
    for signal_ in ("KILL", "STOP"):
        daemon = service.main_pid()
        service.kill(daemon, signal_)
        service.next_daemon(daemon)
        # It has adopted both, proven by their locks, and they it.
        assert (service.spawner(), service.worker()) == (spawner, worker)

    assert "Fatal Python error: Aborted" in service.journal(), "its stack was asked for"
    assert service.pids(WORKERS) == sorted([spawner, worker])
    assert {shim, agent} <= set(service.pids(unit))
    stop.touch()
    assert service.rested(ticket) == "in_review"
    run = service.run(ticket)
    assert (run.status, run.epoch) == ("finished", 1)
    assert_gapless(service, run)


@pytest.mark.parametrize("scope", ["user", "system"])
def test_an_agent_notices_nothing_of_an_upgrade(
    new_service: NewService,
    lab: Lab,
    scope: Scope,
    started: Gate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old, new = "1.0.0", "1.1.0-new"
    installed = lab.shared / "installed"
    try:
        installation = Installation(installed, old)
        monkeypatch.setenv("PYTHONPATH", installation.path)
        service = new_service(scope=scope).start()
        stop = lab.shared / "stop"
        ticket = service.add("Count", counting_until(stop, started))
        started.line()
        daemon, spawner, worker = (
            service.main_pid(),
            service.spawner(),
            service.worker(),
        )

        installation.install(new)
        assert f"kanband {old} became {new}" in service.ctl("upgrade")

        assert service.status().daemon.version == new
        assert (service.main_pid(), service.show(DAEMON, "NRestarts")) == (daemon, "0")
        assert service.show(DAEMON, "ActiveState") == "active"
        next_spawner = service.spawner(other_than=spawner)
        assert service.worker() == worker
        stop.touch()
        assert service.rested(ticket) == "in_review"
        run = service.run(ticket)
        assert (run.status, run.epoch) == ("finished", 1)
        assert_gapless(service, run)
        next_worker = service.worker(other_than=worker)
        eventually(
            lambda: service.pids(WORKERS) == sorted([next_spawner, next_worker]),
            "the old spawner went with its last worker",
        )
    finally:
        shutil.rmtree(installed)


def test_a_killed_spawner_is_followed_by_another_in_the_same_unit(
    service: UnitService, started: Gate, gate: Gate
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
    service: UnitService, started: Gate, gate: Gate
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
    assert lost.proof == "cgroup", "the kernel saw its group empty"


def test_stop_lets_runs_finish_and_leaves_no_process(
    either: UnitService, started: Gate, gate: Gate
) -> None:
    service = either.start()
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


def test_a_stop_that_takes_long_is_given_its_time(
    new_service: NewService, started: Gate
) -> None:
    """What the configuration allows holds, whatever the unit says."""
    service = new_service(toml({**BRISK, "workers.stop_timeout_s": 2}))
    service.edit(DAEMON, "[Service]\nTimeoutStopSec=500ms\n")
    service.start()
    service.add("Outlast", f"echo $$ {started.tell}\nsleep 1000\n")
    started.line()

    service.systemctl("stop", DAEMON)

    assert service.show(DAEMON, "Result") == "success"
    eventually(lambda: not service.pids(WORKERS), "workers and spawner have left")


def test_what_a_shutdown_of_the_machine_cuts_short_goes_on_after_it(
    lab: Lab, new_service: NewService, started: Gate, gate: Gate
) -> None:
    settings = {**BRISK, "workers.stop_timeout_s": 0.5}
    service = new_service(toml(settings)).start()
    ticket = service.add("Outlast", say_and_wait(started, gate))
    started.line()

    lab.root("systemctl", "stop", f"user@{UID}.service")
    lab.root("systemctl", "start", f"user@{UID}.service")

    started.line()
    gate.open()
    assert service.rested(ticket) == "in_review"
    assert [run.failure for run in service.runs(ticket)] == [None, "shutdown"]


def test_a_configuration_that_is_refused_is_not_tried_again(
    new_service: NewService,
) -> None:
    service = new_service("slots = -1\n")
    service.systemctl("start", DAEMON, check=False)
    assert service.show(DAEMON, "ActiveState") == "failed"
    assert service.show(DAEMON, "ExecMainStatus") == "100"
    assert service.show(DAEMON, "NRestarts") == "0"
    assert "slots" in service.journal()


def test_a_reload_is_in_force_when_systemctl_returns_and_fails_for_a_fault(
    service: UnitService,
) -> None:
    file, daemon = service.places.config, service.main_pid()
    service.write(file, toml({"worker_count": 2, **BRISK}))
    service.systemctl("reload", DAEMON)
    assert len(service.status().workers) == 2
    service.write(file, "slotz = 2\n")
    with pytest.raises(AssertionError, match="reload"):
        service.systemctl("reload", DAEMON)
    assert service.main_pid() == daemon
    assert service.show(DAEMON, "ActiveState") == "active"


@pytest.mark.parametrize("scope", ["user", "system"])
def test_workers_of_their_own_are_services_that_their_runs_outlive(
    new_service: NewService, started: Gate, gate: Gate, scope: Scope
) -> None:
    config = toml({**BRISK, "mode": "standalone", "slots": 1})
    service = new_service(config, scope=scope).start()
    service.systemctl("start", *OWN_WORKERS)
    before = {
        name: eventually(partial(service.running, name), "both have joined")
        for name in ("one", "two")
    }
    assert [service.main_pid(unit) for unit in OWN_WORKERS] == list(before.values())

    tickets = [service.add("Outlive", say_and_wait(started, gate)) for _ in before]
    agents = {int(started.line()), int(started.line())}
    assert {service.run(ticket).worker_id for ticket in tickets} == set(before)
    units = [run_unit(service.run(ticket)) for ticket in tickets]

    service.kill(before["one"])
    again = eventually(
        lambda: service.running("one", other_than=before["one"]), "another one"
    )
    assert service.main_pid(OWN_WORKERS[0]) == again
    assert service.main_pid(OWN_WORKERS[1]) == before["two"]
    assert agents <= {pid for unit in units for pid in service.pids(unit)}
    service.systemctl("restart", DAEMON)
    gate.open(2)
    assert [service.rested(ticket) for ticket in tickets] == ["in_review"] * 2
    assert [service.run(ticket).epoch for ticket in tickets] == [1, 1]

    service.systemctl("stop", OWN_WORKERS[0])
    eventually(
        lambda: (
            {each.worker_id: each.state for each in service.status().workers}
            == {"one": "EXITED", "two": "RUNNING"}
        ),
        "its end is seen, and its alone",
    )


def test_what_the_systems_daemon_may_not_do_is_done_outside_of_its_sandbox(
    new_service: NewService, started: Gate, gate: Gate
) -> None:
    """It may only look at the machine; git and the end of a run are another's."""
    config = toml({**BRISK, "mode": "standalone"})
    service = new_service(config, scope="system").start()
    own = OWN_WORKERS[0]
    service.edit(own, "[Service]\nRestart=no\n")
    service.systemctl("start", own)
    git = ["git", "-C", "/srv/thing", "-c", "user.name=x", "-c", "user.email=x@y"]
    service.lab.root("git", "init", "-q", "-b", "main", "/srv/thing")
    service.lab.root(*git, "commit", "-q", "--allow-empty", "-m", "The beginning")

    ticket = service.add("Look", "git log", "--repo", "/srv/thing")
    assert service.rested(ticket) == "in_review"
    worktrees = service.lab.outside(f"{service.places.state}/worktrees")
    assert len(list(worktrees.iterdir())) == 1
    service.ctl("move", str(ticket), "done", "--merged")
    service.ctl("gc", "--keep", "0s")
    assert list(worktrees.iterdir()) == []

    ticket = service.add("Outlive", say_and_wait(started, gate))
    unit = started.line() and run_unit(service.run(ticket))
    service.kill(service.main_pid(own))
    eventually(lambda: not service.running("one"), "nobody looks after its run")
    assert service.pids(unit)
    service.ctl("cancel", str(ticket))
    assert service.pids(unit) == []
    assert service.run(ticket).proof in {"cgroup", "subreaper"}

    service.ctl("doctor")  # It leaves with 1 when anything is wrong.


def test_an_agent_of_the_systems_is_handed_the_secret_that_its_profile_names(
    new_service: NewService,
) -> None:
    secret = "/run/credentials/kanban-workers.service/agents_token"
    profile = f"""
        [agents.reader]
        argv = ["sh", "-c", "cat $TOKEN_FILE"]
        env = {{ TOKEN_FILE = "{secret}" }}
    """
    service = new_service(toml(BRISK) + profile, scope="system")
    service.write("/etc/kanban/credentials/token", "hush", 0o600)
    service.start()
    ticket = int(service.ctl("add", "Read", "-q", "--ready", "--agent", "reader"))
    assert service.rested(ticket) == "in_review"
    assert service.output(service.run(ticket)) == "hush"


def test_a_backup_is_where_it_was_wanted_or_is_refused(
    new_service: NewService,
) -> None:
    service = new_service(scope="system").start()
    service.ctl("backup", "/var/backups/kanban.db")
    assert service.lab.outside("/var/backups/kanban.db").exists()
    with pytest.raises(AssertionError, match="ead-only file system"):
        service.ctl("backup", "/tmp/kanban.db")


@pytest.mark.parametrize("scope", ["user", "system"])
def test_a_service_comes_stays_what_a_person_made_of_it_and_goes(
    new_service: NewService, scope: Scope
) -> None:
    service = new_service(scope=scope)
    assert "kanband was started" in service.install()
    daemon = service.main_pid()
    assert "runs already" in service.install()
    assert service.main_pid() == daemon

    # Another version's unit: it is replaced, and the daemon, which hands over.
    unit = f"{service.places.units}/{DAEMON}"
    older = "[Service]\nExecStart=/usr/bin/true\n"
    service.write(unit, texts.stamped(older))
    said = service.install()
    assert "-ExecStart=/usr/bin/true" in said
    assert "was restarted, and agents went on" in said
    second = service.main_pid()
    assert second not in {0, daemon}

    theirs = f"{service.lab.outside(unit).read_text()}Nice=5\n"
    service.write(unit, theirs)
    for word in ("install", "uninstall"):
        said = service.ctl("service", word, f"--{scope}", check=False)
        assert f"somebody has changed {unit}" in said
    assert service.lab.outside(unit).read_text() == theirs
    assert "was changed by somebody" in service.ctl("service", "status", f"--{scope}")
    service.install("--force", "--no-start")
    assert service.lab.outside(f"{unit}.bak").read_text() == theirs

    said = service.ctl("service", "uninstall", f"--{scope}")
    assert f"Left as they are: {service.places.state}" in said
    assert service.lab.outside(f"{service.places.state}/kanban.db").exists()
    assert service.pids(DAEMON) == service.pids(WORKERS) == []
    assert service.show(DAEMON, "LoadState") == "not-found"
    assert "UNIT" in service.ctl("service", "status", f"--{scope}", check=False)


def test_lingering_is_what_keeps_it_without_a_login(
    lab: Lab, service: UnitService
) -> None:
    manager = f"user@{UID}.service"
    lab.root("loginctl", "disable-linger", USER)
    eventually(
        lambda: (
            lab.root("systemctl", "show", manager, "-P", "ActiveState").strip()
            == "inactive"
        ),
        "nobody is logged in",
    )
    refused = service.install(check=False)
    assert f"loginctl enable-linger {USER}" in refused

    lab.root("loginctl", "enable-linger", USER)
    # Nobody starts it, but that it is enabled.
    show = ("show", DAEMON, "-P", "ActiveState")
    # At first there is not even a manager to ask.
    eventually(lambda: service.systemctl(*show, check=False) == "active", "it is back")
    assert service.status().daemon.pid == service.main_pid()
