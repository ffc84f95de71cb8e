"""A folder that is a worktree of ours no more is not worked on, and never lost."""

import os
import shutil
from pathlib import Path

import pytest

from kanban_worker.git.command import GitError
from support.repositories import git, make_repository
from support.ticket_bench import TicketBench


@pytest.fixture
def home(board: TicketBench, tmp_path: Path) -> Path:
    """A repository that encloses everything, as one of a user's dotfiles does."""
    git(tmp_path, "init", "--quiet", "--initial-branch=dots")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", "dots")
    assert board.root.is_relative_to(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "left", ["nothing", "another repository", "a link", "another ticket's"]
)
def test_a_worktree_without_its_own_git_file_commits_nowhere(
    board: TicketBench, home: Path, left: str
) -> None:
    space = board.prepare()
    path = Path(space.path)
    (path / "left").write_text("precious")
    own = path / ".git"
    own.unlink()
    other = make_repository(home / "other")
    if left == "another repository":
        git(path, "init", "--quiet")
    elif left == "a link":
        own.symlink_to(other / ".git")
    elif left == "another ticket's":
        git(board.repo, "worktree", "add", "--quiet", "-b", "next", str(home / "next"))
        shutil.copy(home / "next" / ".git", own)
    before = git(home, "rev-parse", "HEAD"), git(other, "rev-parse", "HEAD")
    with pytest.raises(GitError, match=r"\.git"):
        board.harvest(space)
    again = board.prepare(space)
    assert again.path == f"{space.path}-2"
    fresh = board.prepare(space, fresh=True)
    assert "stays" in fresh.notes[0]
    assert (path / "left").read_text() == "precious"
    assert before == (git(home, "rev-parse", "HEAD"), git(other, "rev-parse", "HEAD"))
    assert git(home, "diff", "--cached", "--name-only") == ""
    assert git(board.repo, "log", "--all", "--format=%s") == "first"


def test_no_git_looks_above_a_worktree_for_its_repository(
    board: TicketBench, home: Path
) -> None:
    space = board.prepare()
    (Path(space.path) / ".git").unlink()
    with pytest.raises(GitError, match="not a git repository"):
        board.git.run(Path(space.path), "add", "--all", ceiling=Path(space.path).parent)
    assert git(home, "diff", "--cached", "--name-only") == ""


def test_a_worktree_that_was_emptied_comes_back_on_its_branch(
    board: TicketBench,
) -> None:
    first = board.prepare()
    done = board.work(first, "done")
    shutil.rmtree(first.path)
    os.mkdir(first.path)  # noqa: PTH102  as its agent would have left it
    again = board.prepare(first)
    assert (again.path, again.branch, again.head) == (first.path, first.branch, done)
    assert (Path(again.path) / "done").exists()
