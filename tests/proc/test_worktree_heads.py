"""Wherever an agent has left HEAD: nothing is lost, no other branch is touched."""

import shutil
import subprocess
from pathlib import Path

import pytest

from kanban_worker.git.command import GitError
from kanban_worker.git.worktree import Workspace
from support.repositories import ENV, git
from support.ticket_bench import TicketBench


def commit(path: Path, name: str) -> str:
    """A commit with a new file, wherever HEAD is."""
    (path / name).write_text(f"{name}\n")
    git(path, "add", name)
    git(path, "commit", "--quiet", "-m", name)
    return git(path, "rev-parse", "HEAD")


def free_main(board: TicketBench) -> str:
    """The user works on ``dev``, so that an agent can check ``main`` out; its tip."""
    git(board.repo, "checkout", "--quiet", "-b", "dev")
    return git(board.repo, "rev-parse", "main")


def start_a_rebase(board: TicketBench, space: Workspace, *, edit: bool) -> Path:
    """Leave it in the middle: at a conflict, or where the agent wanted to edit."""
    path = Path(space.path)
    (board.repo / "README").write_text("theirs\n")
    git(board.repo, "commit", "--quiet", "-am", "theirs")
    (path / ("own" if edit else "README")).write_text("ours\n")
    git(path, "add", "--all")
    git(path, "commit", "--quiet", "-m", "ours")
    editor = "sed -i s/^pick/edit/" if edit else "true"
    words = ["-c", f"sequence.editor={editor}", "rebase", "--quiet", "-i", "main"]
    subprocess.run(["git", *words], cwd=path, env=ENV, check=edit, capture_output=True)
    git_dir = Path(git(path, "rev-parse", "--absolute-git-dir"))
    assert (git_dir / "rebase-merge").is_dir()
    return path


def everything(board: TicketBench) -> str:
    return git(board.repo, "log", "--branches", "--patch", "--format=%s")


@pytest.mark.parametrize("diverged", [False, True])
def test_fresh_keeps_the_commits_of_a_detached_head_and_what_was_not_committed(
    board: TicketBench, *, diverged: bool
) -> None:
    first = board.prepare()
    path = Path(first.path)
    git(path, "checkout", "--quiet", "--detach")
    commit(path, "committed")
    (path / "left").write_text("uncommitted")
    tip = ""
    if diverged:
        tip = git(path, "commit-tree", "HEAD~^{tree}", "-p", "HEAD~", "-m", "own")
        git(path, "update-ref", f"refs/heads/{first.branch}", tip)
    fresh = board.prepare(first, fresh=True)
    assert not path.exists()
    assert (fresh.branch, fresh.head) == (f"{first.branch}-2", first.base)
    kept = f"{first.branch}-left" if diverged else first.branch
    assert git(board.repo, "show", f"{kept}:committed") == "committed"
    assert git(board.repo, "show", f"{kept}:left") == "uncommitted"
    assert bool(fresh.notes) is diverged
    if diverged:
        assert git(board.repo, "rev-parse", first.branch) == tip
        assert kept in fresh.notes[0]


def test_fresh_in_the_middle_of_a_rebase_loses_nothing(board: TicketBench) -> None:
    first = board.prepare()
    path = start_a_rebase(board, first, edit=True)
    (path / "left").write_text("uncommitted")
    board.prepare(first, fresh=True)
    assert not path.exists()
    assert "+uncommitted" in everything(board)
    assert git(board.repo, "show", f"{first.branch}:own") == "ours"


def test_fresh_leaves_a_worktree_full_of_conflicts(board: TicketBench) -> None:
    first = board.prepare()
    path = start_a_rebase(board, first, edit=False)
    fresh = board.prepare(first, fresh=True)
    assert "<<<<<<<" in (path / "README").read_text()
    assert "conflicts unresolved in README" in fresh.notes[0]


def test_fresh_names_what_was_left_once(board: TicketBench) -> None:
    first = board.prepare()
    git(Path(first.path), "checkout", "--quiet", "--detach", "main")
    fresh = board.prepare(first, fresh=True)
    assert not Path(first.path).exists()
    assert fresh.notes == ()
    assert "-left" not in git(board.repo, "branch", "--list")


def test_work_left_on_a_users_branch_is_committed_to_the_tickets(
    board: TicketBench,
) -> None:
    main = free_main(board)
    space = board.prepare(base="main")
    path = Path(space.path)
    git(path, "checkout", "--quiet", "main")
    (path / "left").write_text("uncommitted")
    end = board.harvest(space)
    assert git(board.repo, "rev-parse", "main") == main
    assert end.branch == space.branch
    assert git(board.repo, "show", f"{space.branch}:left") == "uncommitted"
    git(board.repo, "checkout", "--quiet", "main")  # nobody holds it


def test_work_on_a_branch_of_the_agents_lands_on_the_tickets(
    board: TicketBench,
) -> None:
    space = board.prepare()
    git(Path(space.path), "checkout", "--quiet", "-b", "own")
    done = commit(Path(space.path), "done")
    (Path(space.path) / "left").write_text("uncommitted")
    end = board.harvest(space)
    assert (end.branch, end.head) == (
        space.branch,
        git(board.repo, "rev-parse", space.branch),
    )
    assert git(board.repo, "rev-parse", "own", f"{space.branch}~") == f"{done}\n{done}"


def test_an_agent_that_only_looked_elsewhere_is_put_back_on_its_branch(
    board: TicketBench,
) -> None:
    main = free_main(board)
    space = board.prepare(base="main")
    done = commit(Path(space.path), "done")
    git(Path(space.path), "checkout", "--quiet", "main")
    end = board.harvest(space)
    assert (end.branch, end.head) == (space.branch, done)
    assert git(board.repo, "rev-parse", "main") == main


def test_work_that_went_another_way_than_its_branch_is_an_error_and_then_put_aside(
    board: TicketBench,
) -> None:
    main = free_main(board)
    space = board.prepare(base="main")
    path = Path(space.path)
    done = commit(path, "done")
    git(path, "checkout", "--quiet", "main")
    (path / "left").write_text("uncommitted")
    with pytest.raises(GitError, match="another way"):
        board.harvest(space)
    assert git(board.repo, "rev-parse", "main", space.branch) == f"{main}\n{done}"
    again = board.prepare(space, base="main")
    assert (again.path, again.branch, again.head) == (space.path, space.branch, done)
    assert f"{space.branch}-left" in again.notes[0]
    assert git(board.repo, "show", f"{space.branch}-left:left") == "uncommitted"
    assert board.harvest(again).head == done
    git(board.repo, "checkout", "--quiet", "main")


def test_a_good_end_in_the_middle_of_a_rebase_is_an_error_and_the_retry_goes_on_there(
    board: TicketBench,
) -> None:
    space = board.prepare()
    path = start_a_rebase(board, space, edit=True)
    with pytest.raises(GitError, match="middle of a rebase"):
        board.harvest(space)
    again = board.prepare(space)
    assert again.path == space.path
    assert "middle of a rebase" in again.notes[0]
    git(path, "-c", "core.editor=true", "rebase", "--continue")
    assert board.harvest(again).branch == space.branch
    assert git(board.repo, "merge-base", "main", space.branch) == git(
        board.repo, "rev-parse", "main"
    )


@pytest.mark.parametrize("how", [("-b", "own"), ("--detach",), ("main",)])
def test_a_retry_goes_on_where_it_was_wherever_head_is(
    board: TicketBench, how: tuple[str, ...]
) -> None:
    main = free_main(board)
    space = board.prepare(base="main")
    path = Path(space.path)
    git(path, "checkout", "--quiet", *how)
    done = "" if how == ("main",) else commit(path, "done")
    (path / "left").write_text("uncommitted")
    again = board.prepare(space, base="main")
    assert (again.path, again.branch) == (space.path, space.branch)
    assert git(path, "symbolic-ref", "--short", "HEAD") == space.branch
    assert (path / "left").read_text() == "uncommitted"
    assert again.head == (done or main)
    assert git(board.repo, "rev-parse", "main") == main


def test_a_retry_puts_aside_what_stands_on_an_older_commit_than_its_branch(
    board: TicketBench,
) -> None:
    space = board.prepare()
    path = Path(space.path)
    done = commit(path, "done")
    git(path, "checkout", "--quiet", "--detach", "HEAD~")
    (path / "left").write_text("uncommitted")
    again = board.prepare(space)
    assert (again.path, again.head) == (space.path, done)
    assert git(path, "status", "--porcelain") == ""
    assert git(board.repo, "show", f"{space.branch}-left:left") == "uncommitted"


@pytest.mark.parametrize("emptied", [False, True])
def test_a_detached_head_is_kept_though_its_worktree_is_gone(
    board: TicketBench, *, emptied: bool
) -> None:
    space = board.prepare()
    path = Path(space.path)
    git(path, "checkout", "--quiet", "--detach")
    done = commit(path, "done")
    shutil.rmtree(path)
    if emptied:
        path.mkdir()
    again = board.prepare(space)
    assert (again.path, again.head) == (space.path, space.head)
    assert f"is on {space.branch}-left" in again.notes[0]
    assert git(board.repo, "rev-parse", f"{space.branch}-left") == done


def test_a_retry_puts_back_a_branch_that_the_agent_has_renamed(
    board: TicketBench,
) -> None:
    space = board.prepare()
    path = Path(space.path)
    git(path, "branch", "-m", "renamed")
    done = commit(path, "done")
    again = board.prepare(space)
    assert (again.path, again.branch, again.head) == (space.path, space.branch, done)
    assert again.base == space.base
    assert git(board.repo, "rev-parse", "renamed") == done


def test_a_tickets_branch_that_the_user_has_checked_out_is_not_moved(
    board: TicketBench,
) -> None:
    space = board.prepare()
    path = Path(space.path)
    git(path, "checkout", "--quiet", "--detach")
    git(board.repo, "checkout", "--quiet", space.branch)
    commit(path, "done")
    with pytest.raises(GitError, match="checked out in"):
        board.harvest(space)
    assert git(board.repo, "rev-parse", space.branch) == space.head
    again = board.prepare(space)
    assert again.branch == f"{space.branch}-2"
    assert (path / "done").exists()
    board.prepare(space, fresh=True)
    assert git(board.repo, "rev-parse", space.branch) == space.head
    assert git(board.repo, "status", "--porcelain") == ""
    assert "+done" in everything(board)
