"""Worktrees in real repositories: found again, never in the way, nothing lost."""

import fcntl
import os
import shutil
import threading
from pathlib import Path

import pytest

from kanban_worker.git import command, lock
from kanban_worker.git.command import Git, GitBusy, GitError, Interrupted
from kanban_worker.git.lock import repository_lock
from kanban_worker.git.worktree import in_place
from support.repositories import git, make_repository
from support.ticket_bench import TicketBench


def test_a_retry_finds_its_worktree_as_it_was_left(board: TicketBench) -> None:
    first = board.prepare()
    (Path(first.path) / "left").write_text("uncommitted")
    again = board.prepare(first)
    assert (again.path, again.branch, again.base) == (
        first.path,
        first.branch,
        first.base,
    )
    assert (Path(again.path) / "left").read_text() == "uncommitted"


def test_a_start_that_was_interrupted_uses_the_same_name(board: TicketBench) -> None:
    first = board.prepare()
    assert board.prepare().path == first.path


def test_a_deleted_worktree_comes_back_on_its_branch(board: TicketBench) -> None:
    first = board.prepare()
    done = board.work(first, "done")
    shutil.rmtree(first.path)
    again = board.prepare(first)
    assert (again.path, again.branch, again.head) == (first.path, first.branch, done)
    assert (Path(again.path) / "done").exists()
    assert again.base == first.base


def test_another_worktree_that_is_missing_is_not_forgotten(
    board: TicketBench, tmp_path: Path
) -> None:
    users = tmp_path / "users"
    git(board.repo, "worktree", "add", "--quiet", "-b", "theirs", str(users))
    users.rename(tmp_path / "unmounted")
    first = board.prepare()
    shutil.rmtree(first.path)
    board.prepare(first)
    assert str(users) in git(board.repo, "worktree", "list", "--porcelain")


def test_a_branch_checked_out_elsewhere_goes_on_under_a_new_name(
    board: TicketBench,
) -> None:
    first = board.prepare()
    done = board.work(first, "done")
    git(board.repo, "worktree", "remove", first.path)
    git(board.repo, "checkout", "--quiet", first.branch)
    again = board.prepare(first)
    assert again.branch == f"{first.branch}-2"
    assert (again.head, again.base) == (done, first.base)
    assert "in the way" in again.notes[0]


def test_a_folder_in_the_way_is_never_touched(board: TicketBench) -> None:
    first = board.prepare()
    board.work(first, "done")
    git(board.repo, "worktree", "remove", first.path)
    Path(first.path).mkdir()
    (Path(first.path) / "precious").write_text("theirs")
    again = board.prepare(first)
    assert again.path == f"{first.path}-2"
    assert (Path(first.path) / "precious").read_text() == "theirs"


def test_a_symlink_in_the_way_is_neither_followed_nor_removed(
    board: TicketBench, tmp_path: Path
) -> None:
    board.root.mkdir()
    (tmp_path / "elsewhere").mkdir()
    link = board.root / "7-mend-it"
    link.symlink_to(tmp_path / "elsewhere")
    workspace = board.prepare()
    assert workspace.path == f"{link}-2"
    assert link.is_symlink()
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_deleted_branch_is_made_anew(board: TicketBench) -> None:
    first = board.prepare()
    git(board.repo, "worktree", "remove", first.path)
    git(board.repo, "branch", "-D", first.branch)
    assert board.prepare(first).branch == first.branch


def test_an_index_lock_of_a_killed_git_is_removed_in_our_worktree_only(
    board: TicketBench,
) -> None:
    first = board.prepare()
    git_dir = Path(git(Path(first.path), "rev-parse", "--absolute-git-dir"))
    (git_dir / "index.lock").touch()
    (board.repo / ".git" / "index.lock").touch()
    again = board.prepare(first)
    (Path(again.path) / "done").touch()
    (git_dir / "index.lock").touch()
    board.harvest(again)
    assert git(board.repo, "show", f"{first.branch}:done") == ""
    assert (board.repo / ".git" / "index.lock").exists()


def test_a_checkout_that_was_killed_half_way_is_finished(board: TicketBench) -> None:
    first = board.prepare()
    git_dir = Path(git(Path(first.path), "rev-parse", "--absolute-git-dir"))
    (git_dir / "locked").write_text("initializing")
    (Path(first.path) / "README").unlink()
    again = board.prepare()
    assert again.path == first.path
    assert (Path(again.path) / "README").exists()


def test_fresh_keeps_the_old_branch_and_commits_what_was_not(
    board: TicketBench,
) -> None:
    first = board.prepare()
    (Path(first.path) / "left").write_text("uncommitted")
    fresh = board.prepare(first, fresh=True)
    assert fresh.branch == f"{first.branch}-2"
    assert fresh.head == git(board.repo, "rev-parse", "main")
    assert git(board.repo, "show", f"{first.branch}:left") == "uncommitted"
    assert not Path(first.path).exists()


def test_fresh_leaves_a_worktree_that_holds_another_repository(
    board: TicketBench,
) -> None:
    first = board.prepare()
    nested = make_repository(Path(first.path) / "nested")
    fresh = board.prepare(first, fresh=True)
    assert (nested / "README").exists()
    assert "another repository" in fresh.notes[0]


def test_fresh_does_not_follow_a_symlink_out_of_the_worktree(
    board: TicketBench, tmp_path: Path
) -> None:
    precious = tmp_path / "node_modules"
    precious.mkdir()
    (precious / "file").touch()
    first = board.prepare()
    (Path(first.path) / "node_modules").symlink_to(precious)
    board.prepare(first, fresh=True)
    assert (precious / "file").exists()


def test_a_base_is_a_branch_an_upstreams_branch_or_any_revision(
    board: TicketBench,
) -> None:
    main = git(board.repo, "rev-parse", "main")
    git(board.repo, "commit", "--quiet", "--allow-empty", "-m", "second")
    git(board.repo, "tag", "v1", main)
    git(board.repo, "update-ref", "refs/remotes/origin/upstream", main)
    assert board.prepare(base="v1").base == main
    assert board.prepare(base="upstream").base == main
    with pytest.raises(GitError, match="no branch '--orphan'"):
        board.prepare(base="--orphan")


def test_a_subfolder_a_worktree_and_a_bare_repository_are_repositories_too(
    board: TicketBench, tmp_path: Path
) -> None:
    inside = board.prepare(repo=board.repo / "docs")
    assert inside.directory == f"{inside.path}/docs"
    git(
        board.repo, "worktree", "add", "--quiet", "-b", "other", str(tmp_path / "other")
    )
    assert board.prepare(inside, repo=tmp_path / "other").path == inside.path
    git(tmp_path, "clone", "--quiet", "--bare", str(board.repo), "bare.git")
    bare = TicketBench.__new__(TicketBench)
    bare.repo, bare.git = tmp_path / "bare.git", Git()
    bare.root, bare.locks = tmp_path / "bare-worktrees", board.locks
    assert Path(bare.prepare().path, "README").exists()


def test_an_agent_that_detaches_ahead_of_its_branch_is_put_back_on_it(
    board: TicketBench,
) -> None:
    space = board.prepare()
    git(Path(space.path), "checkout", "--quiet", "--detach")
    (Path(space.path) / "x").write_text("x")
    end = board.harvest(space)
    assert end.branch == space.branch
    assert git(board.repo, "rev-parse", space.branch) == end.head


def test_unresolved_conflicts_are_not_committed(board: TicketBench) -> None:
    space = board.prepare()
    path = Path(space.path)
    git(path, "checkout", "--quiet", "-b", "side")
    (path / "README").write_text("side\n")
    git(path, "commit", "--quiet", "-am", "side")
    git(path, "checkout", "--quiet", space.branch)
    (path / "README").write_text("ours\n")
    git(path, "commit", "--quiet", "-am", "ours")
    with pytest.raises(Exception, match="merge"):
        git(path, "merge", "--quiet", "side")
    with pytest.raises(GitError, match="conflicts unresolved in README"):
        board.harvest(space)


def test_a_patch_of_binary_files_and_odd_names_can_be_applied(
    board: TicketBench,
) -> None:
    space = board.prepare()
    odd = os.fsencode(space.path) + b"/\xff\n name"
    Path(os.fsdecode(odd)).write_bytes(bytes(range(256)))
    (Path(space.path) / "README").rename(Path(space.path) / "READ ME")
    end = board.harvest(space)
    assert end.changes.files_count == 2
    git(board.repo, "apply", "--check", str(board.patch))


def test_hooks_and_signatures_of_the_repository_do_not_run(
    board: TicketBench, tmp_path: Path
) -> None:
    for name in ("pre-commit", "post-checkout", "commit-msg"):
        hook = board.repo / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
        hook.chmod(0o755)
    git(board.repo, "config", "commit.gpgSign", "true")
    git(board.repo, "config", "user.signingKey", "missing")
    space = board.prepare()
    (Path(space.path) / "x").write_text("x\n")
    board.harvest(space)
    assert git(board.repo, "show", f"{space.branch}:x") == "x"
    assert not (tmp_path / "ran").exists()


def test_in_place_is_the_repository_itself(board: TicketBench) -> None:
    space = in_place(board.git, str(board.repo))
    assert (space.path, space.branch) == (str(board.repo), "")


def test_the_repository_is_one_writers_at_a_time_and_its_gits_keep_it(
    board: TicketBench,
) -> None:
    common = board.repo / ".git"
    held, waited = threading.Event(), threading.Event()
    let_go = threading.Event()

    def hold() -> None:
        with repository_lock(Git(), board.locks, common):
            held.set()
            let_go.wait(10)

    def wait() -> None:
        with repository_lock(Git(), board.locks, common):
            waited.set()

    holder = threading.Thread(target=hold, daemon=True)
    waiter = threading.Thread(target=wait, daemon=True)
    holder.start()
    assert held.wait(10)
    waiter.start()
    assert not waited.is_set()
    let_go.set()
    assert waited.wait(10)
    holder.join(10)
    waiter.join(10)
    assert not holder.is_alive()
    assert not waiter.is_alive()


def test_what_somebody_else_holds_is_busy_and_not_broken(
    board: TicketBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    common = board.repo / ".git"
    (common / "config.lock").touch()
    with pytest.raises(GitBusy, match="could not lock config file"):
        board.prepare()
    (common / "config.lock").unlink()
    space = board.prepare()
    (Path(space.path) / "done").touch()
    held = common / "refs" / "heads" / f"{space.branch}.lock"
    held.touch()
    with pytest.raises(GitBusy, match="File exists"):
        board.harvest(space)
    held.unlink()
    monkeypatch.setattr(lock, "WAIT_S", 0.01)
    with (
        repository_lock(Git(), board.locks, common),
        pytest.raises(GitBusy, match="in use by other runs"),
    ):
        board.harvest(space)
    assert board.harvest(space).changes.files_count == 1


def test_a_git_that_takes_too_long_or_is_killed_is_busy_and_not_broken(
    board: TicketBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(board.repo, "config", "alias.sleep", "!exec sleep 60")
    git(board.repo, "config", "alias.die", "!kill -9 $PPID")
    with pytest.raises(GitBusy):
        board.git.run(board.repo, "die")
    monkeypatch.setattr(command, "TIMEOUT_S", 0.1)
    with pytest.raises(GitBusy, match="took over"):
        board.git.run(board.repo, "sleep")


def test_who_waits_for_a_repository_can_be_called_back(board: TicketBench) -> None:
    waiting = Git()
    with repository_lock(Git(), board.locks, board.repo / ".git"):
        waiting.interrupt()
        with (
            pytest.raises(Interrupted),
            repository_lock(waiting, board.locks, board.repo / ".git"),
        ):
            raise AssertionError
    with pytest.raises(Interrupted):
        waiting.run(board.repo, "status")


def test_a_git_inherits_the_lock(board: TicketBench, tmp_path: Path) -> None:
    # A filter waits at a pipe, as a git that hangs would.
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    git(board.repo, "config", "filter.slow.clean", f"cat {gate}; rm -f {gate}; cat")
    (board.repo / ".gitattributes").write_text("* filter=slow\n")
    (board.repo / "new").write_text("new\n")
    running = Git()
    with repository_lock(running, board.locks, board.repo / ".git") as lock_fd:
        adding = threading.Thread(
            target=lambda: running.run(board.repo, "add", "new", lock_fd=lock_fd),
            daemon=True,
        )
        adding.start()
        pipe = gate.open("w")
    (lock_file,) = board.locks.iterdir()
    with lock_file.open() as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    pipe.close()
    adding.join(10)
    assert not adding.is_alive()
