"""The spawner alone: it forks, keeps what it saw, survives and gives way."""

import os
import signal
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kanban_ipc import layout
from kanban_ipc.bounds import SPAWNER_MESSAGE_BYTES_MAX
from kanban_ipc.spawning import (
    Collected,
    Exited,
    Leave,
    Ready,
    Spawn,
    Spawned,
    SpawnFailed,
)
from kanban_ipc.words import WorkerId
from support import traces
from support.deadline import eventually
from support.spawner_process import PATIENCE_S, SpawnerProcess, kill

Start = Callable[..., SpawnerProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    begun: list[SpawnerProcess] = []

    def make(worker: str = "sits", *options: str) -> SpawnerProcess:
        folder = tmp_path / str(len(begun))
        begun.append(SpawnerProcess(folder, worker, *options))
        return begun[-1]

    yield make
    for spawner in begun:
        spawner.close()


def descriptors_of(spawner: SpawnerProcess) -> int:
    return len(list(Path(f"/proc/{spawner.process.pid}/fd").iterdir()))


def words(log: Path) -> list[str]:
    text = eventually(lambda: log.exists() and log.read_text(), "the worker's words")
    return str(text).split()


def test_a_worker_gets_its_secret_and_nothing_else_of_the_spawner(start: Start) -> None:
    daemon = start().connect()
    child = daemon.started("first")
    said = words(daemon.log())
    assert said == ["secret-of-first", "[0,", "1,", "2]", "True", "/"]
    environment = Path(f"/proc/{child.process.pid}/environ").read_bytes()
    command = Path(f"/proc/{child.process.pid}/cmdline").read_bytes()
    assert b"secret-of" not in environment + command
    name = Path(f"/proc/{child.process.pid}/comm").read_text()
    assert name == "kanban:worker-1\n"


def test_socket_lock_and_logs_are_for_their_user_alone(start: Start) -> None:
    spawner = start()
    daemon = spawner.connect()
    daemon.started("first")
    words(daemon.log())
    places = [spawner.path, spawner.state / layout.SPAWNER_LOCK, daemon.log()]
    assert [stat.S_IMODE(p.stat().st_mode) for p in places] == [0o600] * 3
    folders = [spawner.runtime, spawner.state, daemon.log().parent]
    assert [stat.S_IMODE(p.stat().st_mode) for p in folders] == [0o700] * 3


def test_an_agent_s_umask_is_the_user_s_own(start: Start) -> None:
    before = os.umask(0o027)
    try:
        daemon = start().connect()
    finally:
        os.umask(before)
    child = daemon.started("first")
    status = Path(f"/proc/{child.process.pid}/status").read_text()
    assert "Umask:\t0027" in status


def test_a_worker_begins_with_default_signals(start: Start) -> None:
    daemon = start("is_mute").connect()
    child = daemon.started("first")
    words(daemon.log())
    status = Path(f"/proc/{child.process.pid}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    ignored, caught = int(fields["SigIgn"], 16), int(fields["SigCgt"], 16)
    assert int(fields["SigBlk"], 16) == 0
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGCHLD):
        assert not (ignored | caught) & 1 << number - 1


@pytest.mark.parametrize(
    ("worker", "code", "said"),
    [
        ("dies", 3, "out of luck"),
        ("raises", 1, "RuntimeError: worker-1"),
        ("leaves_in_words", 1, "says goodbye"),
        ("leaves_silently", 0, ""),
    ],
)
def test_an_end_is_reported_with_its_code(
    start: Start, worker: str, code: int, said: str
) -> None:
    daemon = start(worker).connect()
    child = daemon.started("first")
    end = daemon.expect(Exited)
    assert (end.worker_id, end.incarnation, end.process) == (
        "worker-1",
        "first",
        child.process,
    )
    assert (end.exit_code, end.signal) == (code, None)
    assert said in daemon.log().read_text()


def test_a_signal_is_reported_as_one(start: Start) -> None:
    daemon = start().connect()
    child = daemon.started("first")
    kill(child.process.pid)
    end = daemon.expect(Exited)
    assert (end.exit_code, end.signal) == (None, signal.SIGKILL)


def test_ends_are_kept_over_the_daemon_s_death_until_collected(start: Start) -> None:
    spawner = start()
    first = spawner.connect()
    child = first.started("first")
    first.sock.close()
    kill(child.process.pid)

    second = spawner.connect()
    ready = second.expect(Ready)
    assert (ready.workers, ready.exits) == ((), 1)
    assert second.expect(Exited).incarnation == "first"

    third = spawner.connect()
    assert third.expect(Ready).exits == 1
    end = third.expect(Exited)
    third.send(Collected(worker_id=end.worker_id, incarnation=end.incarnation))

    # It has read ``Collected`` when it answers what was asked after it.
    third.spawn("second")
    third.expect(Spawned)
    assert spawner.connect().expect(Ready).exits == 0


def test_ready_names_the_workers_that_live(start: Start) -> None:
    spawner = start()
    child = spawner.connect().started("first", "worker-9")
    ready = spawner.connect().expect(Ready)
    assert ready.workers == (("worker-9", "first", child.process.pid),)
    assert ready.process.pid == spawner.process.pid


def test_a_new_connection_replaces_the_old(start: Start) -> None:
    spawner = start()
    old = spawner.connect()
    old.expect(Ready)
    new = spawner.connect()
    new.expect(Ready)
    assert old.closed()


def test_one_incarnation_is_started_once(start: Start) -> None:
    daemon = start().connect()
    child = daemon.started("first")
    daemon.spawn("first")
    assert daemon.expect(Spawned) == child
    kill(child.process.pid)
    end = daemon.expect(Exited)
    daemon.spawn("first")
    assert daemon.expect(Exited) == end


def test_a_worker_that_lives_is_not_started_beside_itself(start: Start) -> None:
    daemon = start().connect()
    child = daemon.started("first")
    daemon.spawn("second")
    failed = daemon.expect(SpawnFailed)
    assert failed.incarnation == "second"
    assert f"still lives as process {child.process.pid}" in failed.reason


def test_a_spawn_without_its_secret_fails_with_the_reason(start: Start) -> None:
    daemon = start().connect()
    daemon.expect(Ready)
    wish = Spawn(
        worker_id=WorkerId("worker-1"),
        incarnation="first",
        state_dir="/",
        link_endpoint="",
        slots=1,
        log_path="/dev/null",
    )
    daemon.send(wish)
    assert "secret is missing" in daemon.expect(SpawnFailed).reason


@pytest.mark.skipif(os.geteuid() == 0, reason="root has no limit of processes")
def test_a_fork_that_fails_is_reported_by_the_user_s_limit(start: Start) -> None:
    spawner = start()
    daemon = spawner.connect()
    daemon.expect(Ready)
    import resource  # noqa: PLC0415 - here alone

    resource.prlimit(spawner.process.pid, resource.RLIMIT_NPROC, (1, 1))
    daemon.spawn("first")
    assert "fork" in daemon.expect(SpawnFailed).reason


def test_nonsense_costs_its_sender_the_connection_and_nobody_else(start: Start) -> None:
    spawner = start()
    child = spawner.connect().started("first")
    for nonsense in (b"\xc1nonsense", b"\x80", b"x" * (SPAWNER_MESSAGE_BYTES_MAX + 1)):
        daemon = spawner.connect()
        daemon.expect(Ready)
        daemon.sock.send(nonsense)
        assert daemon.closed()
    assert traces.alive(child.process.pid)
    assert descriptors_of(spawner) < 12


def test_descriptors_that_are_too_many_do_not_stay_open(start: Start) -> None:
    spawner = start()
    daemon = spawner.connect()
    daemon.expect(Ready)
    before = descriptors_of(spawner)
    descriptors = [os.dup(0) for _ in range(4)]
    socket.send_fds(daemon.sock, [b"\x80"], descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    assert daemon.closed()
    spawner.connect().expect(Ready)
    assert descriptors_of(spawner) <= before


def test_a_kill_of_the_spawner_is_not_noticed_by_its_workers(start: Start) -> None:
    spawner = start()
    child = spawner.connect().started("first")
    kill(spawner.process.pid)
    assert spawner.process.wait(PATIENCE_S) == -signal.SIGKILL
    assert traces.alive(child.process.pid)
    spawner.start()
    assert spawner.connect().expect(Ready).workers == ()
    assert traces.alive(child.process.pid)


def test_a_second_spawner_touches_nothing_and_says_why(start: Start) -> None:
    spawner = start()
    child = spawner.connect().started("first")
    second = spawner.start()
    assert second.wait(PATIENCE_S) == 100
    assert second.stderr is not None
    said = second.stderr.read().decode()
    assert "a spawner already serves" in said
    assert str(spawner.process.pid) in said
    assert spawner.connect().expect(Ready).workers[0][2] == child.process.pid


def test_it_leaves_when_nobody_needs_it(start: Start) -> None:
    spawner = start("sits", "--idle-s", "0.1")
    assert spawner.process.wait(PATIENCE_S) == 0
    assert not spawner.path.exists()


def test_it_stays_while_a_worker_lives_and_leaves_after_the_last(start: Start) -> None:
    spawner = start("sits", "--idle-s", "0.1", "--keep-s", "0.2")
    daemon = spawner.connect()
    child = daemon.started("first")
    daemon.sock.close()
    with pytest.raises(TimeoutError):
        _ = _ended_within(spawner, 0.5)
    kill(child.process.pid)
    assert spawner.process.wait(PATIENCE_S) == 0


def test_it_stays_while_a_daemon_is_connected(start: Start) -> None:
    spawner = start("sits", "--idle-s", "0.1")
    daemon = spawner.connect()
    daemon.expect(Ready)
    with pytest.raises(TimeoutError):
        _ended_within(spawner, 0.4)


def test_an_end_that_nobody_collects_keeps_it_for_longer(start: Start) -> None:
    spawner = start("dies", "--idle-s", "0.05", "--keep-s", "3600")
    daemon = spawner.connect()
    daemon.started("first")
    daemon.expect(Exited)
    daemon.sock.close()
    with pytest.raises(TimeoutError):
        _ended_within(spawner, 0.4)


def test_leave_is_obeyed_once_the_last_worker_has_gone(start: Start) -> None:
    spawner = start()
    daemon = spawner.connect()
    child = daemon.started("first")
    daemon.send(Leave())
    daemon.spawn("second", "worker-2")
    assert "leaving" in daemon.expect(SpawnFailed).reason
    kill(child.process.pid)
    assert daemon.expect(Exited).incarnation == "first"
    assert daemon.closed()
    assert spawner.process.wait(PATIENCE_S) == 0
    assert not spawner.path.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_makes_room_for_a_successor_and_harms_no_worker(
    start: Start, number: signal.Signals
) -> None:
    spawner = start()
    daemon = spawner.connect()
    child = daemon.started("first")
    spawner.process.send_signal(number)
    assert daemon.closed()
    assert traces.alive(child.process.pid)
    successor = spawner.start()
    assert spawner.connect().expect(Ready).process.pid == successor.pid
    kill(child.process.pid)
    assert spawner.process.wait(PATIENCE_S) == 0
    # Its socket's name belongs to the successor by now.
    spawner.connect().expect(Ready)


def test_a_hangup_means_nothing_to_it(start: Start) -> None:
    spawner = start()
    spawner.process.send_signal(signal.SIGHUP)
    spawner.connect().expect(Ready)


def test_it_uses_a_socket_that_a_service_manager_has_passed(tmp_path: Path) -> None:
    # As systemd does: descriptor 3, LISTEN_PID is the program's own pid.
    path = tmp_path / "passed.sock"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(path))
    listener.listen()
    pid = os.fork()
    if pid == 0:
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)
        import sys  # noqa: PLC0415 - in the child

        own = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
        places = ["--runtime-dir", str(tmp_path), "--state-dir", str(tmp_path / "s")]
        tiny = ["--worker", "support.tiny_workers:sits", "--idle-s", "0.05"]
        argv = [sys.executable, "-m", "kanban_worker.spawner", *places, *tiny]
        os.execve(sys.executable, argv, {**os.environ, **own})
    listener.close()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        sock.connect(str(path))
        assert sock.recv(SPAWNER_MESSAGE_BYTES_MAX)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def _ended_within(spawner: SpawnerProcess, timeout_s: float) -> bool:
    if traces.await_end(spawner.process.pid, timeout_s):
        return True
    raise TimeoutError
