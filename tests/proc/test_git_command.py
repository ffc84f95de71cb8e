"""One git command: bounded in time and in what it says, and gone afterwards."""

import io
import os
import resource
import time
from pathlib import Path

import pytest

from kanban_worker.git import command
from kanban_worker.git.command import Git, GitBusy, GitError
from support.deadline import eventually
from support.repositories import git, make_repository


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "repo")


def alias(repo: Path, script: str) -> None:
    """``git speak`` runs it."""
    git(repo, "config", "alias.speak", f"!{script}")


def rss_max_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize("pipe", ["stdout", "stderr"])
def test_what_a_git_says_is_bounded_while_it_says_it(
    repo: Path, monkeypatch: pytest.MonkeyPatch, pipe: str
) -> None:
    monkeypatch.setattr(command, "OUTPUT_BYTES_MAX", 1 << 20)
    to = "1" if pipe == "stdout" else "2"
    alias(repo, f"head -c 600000000 /dev/zero >&{to}; exit 1")
    before = rss_max_bytes()
    with pytest.raises(GitError) as refused:
        Git().run(repo, "speak")
    assert rss_max_bytes() - before < 100_000_000
    assert len(str(refused.value)) < 100_000
    assert ("printed over" in str(refused.value)) is (pipe == "stdout")


def test_a_git_that_says_too_much_without_an_end_is_ended(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "OUTPUT_BYTES_MAX", 1 << 20)
    alias(repo, "exec yes")
    started = time.monotonic()
    with pytest.raises(GitError, match="printed over"):
        Git().run(repo, "speak")
    assert time.monotonic() - started < command.TIMEOUT_S / 2


def test_a_copy_that_takes_too_long_says_so_and_one_that_fails_says_why(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alias(repo, "echo no such thing >&2; exit 3")
    with pytest.raises(GitError, match="no such thing"):
        Git().copy(repo, ["speak"], io.BytesIO(), 100)
    monkeypatch.setattr(command, "TIMEOUT_S", 0.1)
    alias(repo, "exec sleep 60")
    with pytest.raises(GitBusy, match="took over"):
        Git().copy(repo, ["speak"], io.BytesIO(), 100)


def test_a_copy_is_cut_after_what_may_be_kept(repo: Path) -> None:
    alias(repo, "exec yes")
    to = io.BytesIO()
    assert not Git().copy(repo, ["speak"], to, 1_000_001)
    assert len(to.getvalue()) == 1_000_001


def test_a_long_input_and_a_long_output_do_not_wait_for_each_other(
    repo: Path,
) -> None:
    alias(repo, "cat")
    data = bytes(range(256)) * 4_000
    assert Git().run(repo, "speak", stdin=data) == data
    alias(repo, "exit 0")
    assert Git().run(repo, "speak", stdin=data) == b""


def test_a_process_that_outlives_its_git_ends_with_the_time_it_has(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "TIMEOUT_S", 0.5)
    alias(repo, f"sleep 60 & echo $! > {tmp_path}/pid")
    with pytest.raises(GitBusy):
        Git().run(repo, "speak")
    pid = int((tmp_path / "pid").read_text())
    stat = Path(f"/proc/{pid}/stat")
    eventually(
        lambda: not stat.exists() or stat.read_text().split()[2] == "Z", "it is gone"
    )


@pytest.mark.parametrize(
    ("lock", "command_line"),
    [
        (".git/config.lock", ["config", "a.b", "c"]),
        (".git/packed-refs.lock", ["pack-refs", "--all"]),
        (".git/refs/heads/new.lock", ["branch", "new"]),
    ],
)
def test_a_lock_is_waited_for_while_somebody_may_hold_it(
    repo: Path, lock: str, command_line: list[str]
) -> None:
    below = repo / "below"
    below.mkdir()
    path = repo / lock
    path.touch()
    for directory in (repo, below):
        with pytest.raises(GitBusy):
            Git().run(directory, *command_line)
    old = time.time() - 7_300
    os.utime(path, (old, old))
    for directory in (repo, below):
        with pytest.raises(GitError) as refused:
            Git().run(directory, *command_line)
        assert not isinstance(refused.value, GitBusy), "it would be tried for ever"
        said = str(refused.value)
        assert f"{path} is 2 h old" in said
        assert f"rm {path}, and retry the ticket" in said
    assert path.exists(), "it is not ours to remove"
