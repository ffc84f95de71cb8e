"""One daemon for a state directory, however the one before has ended."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kanband.errors import EXIT_USAGE, AlreadyRunning, ConfigError
from kanband.shell.lock import HeldLock

HOLDER = """
import sys; from pathlib import Path; from kanband.shell.lock import HeldLock
lock = HeldLock(Path(sys.argv[1])); print("held", flush=True); sys.stdin.read()
"""


@contextmanager
def holder(path: Path) -> Iterator[int]:
    """Another process that holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield process.pid
        finally:
            process.kill()


def test_a_second_holder_is_refused_and_told_by_whom(tmp_path: Path) -> None:
    path = tmp_path / "daemon.lock"
    with holder(path) as pid:
        with pytest.raises(AlreadyRunning) as refused:
            HeldLock(path)
        assert f"process {pid} holds daemon.lock" in str(refused.value)
        assert str(tmp_path) in str(refused.value)
        assert refused.value.exit_code == EXIT_USAGE
        assert path.read_text() == f"{pid}\n", "it has touched nothing"


def test_death_lets_go_of_it(tmp_path: Path) -> None:
    path = tmp_path / "daemon.lock"
    with holder(path) as pid:
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        lock = HeldLock(path)
    assert path.read_text() == f"{os.getpid()}\n"
    lock.release()


def test_it_can_be_taken_again_after_release_and_its_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "daemon.lock"
    HeldLock(path).release()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lock = HeldLock(path)
    with pytest.raises(AlreadyRunning):
        HeldLock(path)
    lock.release()


def test_it_does_not_outlive_the_daemon_in_a_child(tmp_path: Path) -> None:
    path = tmp_path / "daemon.lock"
    lock = HeldLock(path)
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    ) as child:
        lock.release()
        HeldLock(path).release()
        assert child.stdin is not None
        child.stdin.close()


def test_a_long_name_of_an_earlier_holder_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "daemon.lock"
    path.write_text("99999999999\nmore\n")
    lock = HeldLock(path)
    assert path.read_text() == f"{os.getpid()}\n"
    lock.release()


def test_a_lock_that_names_nobody_is_refused_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "daemon.lock"
    lock = HeldLock(path)
    path.write_text("")
    with pytest.raises(AlreadyRunning, match="another process holds"):
        HeldLock(path)
    lock.release()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "daemon.lock").symlink_to(victim)
    with pytest.raises(ConfigError, match="it was left alone") as refused:
        HeldLock(tmp_path / "daemon.lock")
    assert refused.value.exit_code == EXIT_USAGE
    assert victim.read_text() == "precious"
