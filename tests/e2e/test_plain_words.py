"""What ``kanbanctl`` and ``kanband`` say when something is not as it should be.

Every sentence says what happened, why, and what to do; the tests look for the words
that a person would look for, and for the exit code that a script would.
"""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.system import NotReady, System

NewSystem = Callable[..., System]
NOBODY = 65534


def refused(system: System, *words: str, code: int = 1, stdin: str = "") -> str:
    """What a failing command says, on stderr and nowhere else."""
    done = system.ctl(*words, check=False, stdin=stdin)
    assert done.returncode == code, (words, done.stdout, done.stderr)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def test_status_says_that_nobody_listens(new_system: NewSystem) -> None:
    system = new_system()
    said = refused(system, "status", code=3)
    assert str(system.socket) in said
    assert "kanband" in said, "it says what to start"
    assert str(system.socket) in refused(system, "list", code=69)


def test_a_socket_that_a_dead_daemon_left_is_no_daemon(system: System) -> None:
    system.kill_daemon()
    assert system.socket.exists()
    assert str(system.socket) in refused(system, "status", code=3)
    refused(system, "list", code=69)


def test_a_daemon_that_does_not_answer_is_told_from_none(system: System) -> None:
    system.daemon.send_signal(signal.SIGSTOP)
    try:
        refused(system, "--timeout", "0.5", "status", code=4)
        refused(system, "--timeout", "0.5", "list", code=75)
    finally:
        system.daemon.send_signal(signal.SIGCONT)
    system.ctl("status")


@pytest.fixture
def as_nobody(system: System) -> Callable[..., tuple[int, str]]:
    """Run ``kanbanctl`` as a user without any right to this daemon."""

    def run(*words: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "kanbanctl", "--socket", str(system.socket)]
        done = subprocess.run(
            [*command, *words],
            capture_output=True,
            text=True,
            cwd="/",
            env=system.environment,
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            timeout=60,
            check=False,
        )
        return done.returncode, done.stderr

    try:
        code, said = run("--version")
    except PermissionError:
        code, said = 1, "permission"
    if code:
        pytest.skip(f"another user cannot run this Python: {said.strip()[-200:]}")
    return run


@pytest.mark.root
def test_a_socket_in_anothers_folder_is_out_of_reach(
    system: System, as_nobody: Callable[..., tuple[int, str]]
) -> None:
    code, said = as_nobody("list")
    assert code == 69
    assert str(system.socket) in said
    assert "permi" in said.lower()
    assert as_nobody("status")[0] == 4


@pytest.mark.root
def test_the_daemon_refuses_another_user_who_reaches_its_socket(
    system: System, as_nobody: Callable[..., tuple[int, str]]
) -> None:
    system.runtime.chmod(0o755)
    system.socket.chmod(0o666)
    code, said = as_nobody("list")
    assert code == 1
    assert str(NOBODY) in said or "nobody" in said
    assert as_nobody("shutdown")[0] == 1
    assert system.daemon.poll() is None


def test_an_unknown_ticket_is_named(system: System) -> None:
    for words in (["show", "99"], ["why", "99"], ["cancel", "99"], ["ready", "99"]):
        assert "99" in refused(system, *words)
    assert "99" in refused(system, "run", "show", "99")
    assert "worker-99" in refused(system, "stop-worker", "worker-99")


def test_an_illegal_move_names_both_ends(system: System) -> None:
    ticket = str(system.add("Move me", ready=False, instructions="true"))
    said = refused(system, "move", ticket, "review").lower()
    assert "backlog" in said
    assert "review" in said


def test_malformed_input_is_named_where_it_stands(
    system: System, tmp_path: Path
) -> None:
    jobs = tmp_path / "jobs.jsonl"
    jobs.write_text('{"title": "good"}\n{"title": "bad", "priority": "soon"}\n{oops\n')
    done = system.ctl("import", str(jobs), check=False)
    assert done.returncode in {1, 2}
    assert "jobs.jsonl" in done.stderr
    assert "2" in done.stderr
    assert "urgent" in done.stderr, "it says what would be right"
    assert system.ctl_json("list")["tickets"] == [], "all or nothing"

    assert "soon" in refused(system, "add", "x", "--priority", "soon", code=2)
    assert "ninety" in refused(system, "show", "ninety", code=2)
    refused(system, "add", "   ", "--agent", "noop", code=2)
    missing = str(tmp_path / "missing.md")
    assert "missing.md" in refused(system, "import", missing)


def test_a_missing_repository_is_named(system: System, tmp_path: Path) -> None:
    words = ("add", "Work", "--agent", "shell", "-i", "true", "--ready", "--repo")
    said = refused(system, *words, str(tmp_path / "nowhere"))
    assert str(tmp_path / "nowhere") in said


def test_an_unknown_agent_is_named_with_those_there_are(system: System) -> None:
    said = refused(system, "add", "Work", "--agent", "claudio", "--ready")
    assert "claudio" in said
    assert "shell" in said


def test_a_damaged_store_is_refused_and_left_as_it_is(system: System) -> None:
    system.add("Kept", ready=False)
    system.shutdown()
    store = system.state / "kanban.db"
    for extra in system.state.glob("kanban.db-*"):
        extra.unlink()
    damaged = store.read_bytes()[:4096] + b"\xa5" * 8192
    store.write_bytes(damaged)

    with pytest.raises(NotReady) as ended:
        system.start()

    assert ended.value.code in {100, 111}
    assert str(store) in ended.value.output
    assert "Traceback" not in ended.value.output
    assert store.read_bytes() == damaged


def test_what_is_no_database_is_refused_and_left_as_it_is(
    new_system: NewSystem,
) -> None:
    system = new_system()
    system.state.mkdir(mode=0o700)
    store = system.state / "kanban.db"
    store.write_text("Dear diary, ...\n" * 500)
    before = store.read_bytes()
    with pytest.raises(NotReady) as ended:
        system.start()
    assert str(store) in ended.value.output
    assert "Traceback" not in ended.value.output
    assert store.read_bytes() == before


def test_a_second_daemon_leaves_at_once_and_touches_nothing(system: System) -> None:
    second = subprocess.run(
        system.command(),
        capture_output=True,
        text=True,
        env=system.environment,
        timeout=30,
        check=False,
    )
    assert second.returncode == 100
    said = second.stdout + second.stderr
    assert str(system.daemon.pid) in said
    assert str(system.state) in said
    assert "Traceback" not in said
    assert system.status().daemon.pid == system.daemon.pid
    system.worker_running()


def test_a_daemon_of_another_state_leaves_these_sockets_alone(
    system: System, tmp_path: Path
) -> None:
    second = subprocess.run(
        [*system.command(), "--state-dir", str(tmp_path / "another")],
        capture_output=True,
        text=True,
        env=system.environment,
        timeout=30,
        check=False,
    )
    assert second.returncode == 100
    assert str(system.runtime) in second.stderr
    assert "another --runtime-dir" in second.stderr
    system.ctl("restart-worker", "worker-1")
    assert system.wait(system.add("Still served", instructions="true"))


def test_a_wrong_configuration_is_refused_with_its_line(new_system: NewSystem) -> None:
    system = new_system({"workers.grace_s": -1})
    with pytest.raises(NotReady) as ended:
        system.start()
    assert ended.value.code == 100
    assert "kanban.toml" in ended.value.output
    assert "grace_s" in ended.value.output
    system.config.write_text("worker_cuont = 1\n")
    with pytest.raises(NotReady) as ended:
        system.start()
    assert "worker_cuont" in ended.value.output


def test_a_runtime_path_too_long_for_a_socket_is_refused_with_advice(
    new_system: NewSystem, tmp_path: Path
) -> None:
    system = new_system()
    system.runtime, short = tmp_path / ("x" * 90) / ("y" * 90), system.runtime
    try:
        with pytest.raises(NotReady) as ended:
            system.start()
    finally:
        shutil.rmtree(system.runtime, ignore_errors=True)
        system.runtime = short
    assert "107" in ended.value.output
