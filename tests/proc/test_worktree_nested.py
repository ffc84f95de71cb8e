"""Repositories that an agent made inside of its worktree."""

from pathlib import Path

from support.repositories import git, make_repository
from support.ticket_bench import TicketBench


def test_fresh_keeps_a_repository_in_an_ignored_folder(board: TicketBench) -> None:
    first = board.prepare()
    path = Path(first.path)
    (path / ".gitignore").write_text("build/\n")
    make_repository(path / "build" / "deep" / "own")
    fresh = board.prepare(first, fresh=True)
    assert (path / "build" / "deep" / "own" / ".git").is_dir()
    assert "another repository, build/deep/own" in fresh.notes[0]


def test_fresh_keeps_a_bare_repository_in_an_ignored_folder(
    board: TicketBench,
) -> None:
    first = board.prepare()
    path = Path(first.path)
    (path / ".gitignore").write_text("cache/\n")
    git(path, "init", "--quiet", "--bare", "cache/own.git")
    fresh = board.prepare(first, fresh=True)
    assert (path / "cache" / "own.git" / "HEAD").exists()
    assert "another repository, cache/own.git" in fresh.notes[0]


def test_repositories_inside_of_a_worktree_are_told_and_hinder_no_commit(
    board: TicketBench,
) -> None:
    space = board.prepare()
    path = Path(space.path)
    git(path, "init", "--quiet", "docs/odd:\nname*")
    (path / "docs" / "odd:\nname*" / "file").write_text("kept where it is")
    make_repository(path / "vendor")
    (path / "done").touch()
    end = board.harvest(space)
    assert [each.path for each in end.changes.files] == ["done", "vendor"]
    without, gitlink = end.notes
    assert "docs/odd:\nname* has no commit" in without
    assert "vendor" in gitlink
    assert "not its files" in gitlink
    assert (path / "docs" / "odd:\nname*" / "file").exists()
    again = board.harvest(space)
    assert (again.head, again.notes) == (end.head, end.notes)
