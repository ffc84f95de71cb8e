"""Giving back the worktree of a ticket that is done, when nothing is in it alone.

Decided here: it goes only when it is clean, on a branch, and that branch is either
empty (it stands where it started) or merged into its base; the branch itself stays.
So every commit is reachable by a branch before and after. What git ignores goes with
the folder, as with ``git worktree remove`` by hand. Everything under the repository's
lock.
"""

from pathlib import Path
from typing import NamedTuple

from kanban_worker.git.base import base_of
from kanban_worker.git.command import Git, GitError
from kanban_worker.git.lock import repository_lock
from kanban_worker.git.nested import find_one
from kanban_worker.git.repository import (
    Repository,
    commit_of,
    open_repository,
    resolve_base,
)
from kanban_worker.git.tree import Tree, open_tree


class Candidate(NamedTuple):
    """A worktree that is perhaps not needed any more."""

    path: Path
    repo_path: str
    base_branch: str


def prune(git: Git, locks: Path, candidate: Candidate, *, dry_run: bool) -> str:
    """Remove it; empty when it is gone (or would be), else why it stays."""
    try:
        repository = open_repository(git, candidate.repo_path)
        with repository_lock(git, locks, repository.common_dir) as lock:
            tree = open_tree(git, repository.common_dir, candidate.path, lock)
            reason = _needed(tree, repository, candidate)
            if not (reason or dry_run):
                command = ("worktree", "remove", "--", str(candidate.path))
                git.run(repository.path, *command, lock_fd=lock)
            return reason
    except (GitError, OSError) as error:
        return str(error)


def _needed(tree: Tree, repository: Repository, candidate: Candidate) -> str:
    on = tree.run("symbolic-ref", "--short", "-q", "HEAD", accept=(0, 1))
    branch = on.decode("utf-8", "surrogateescape").strip()
    if not branch:
        return "its HEAD is on no branch; look into it"
    if tree.run("status", "--porcelain", "--untracked-files=all"):
        return "it has uncommitted changes"
    if nested := find_one(tree.path):
        return f"it holds another repository, {nested}"
    return _alone(tree.git, repository, candidate, branch)


def _alone(git: Git, repository: Repository, candidate: Candidate, branch: str) -> str:
    """Why its branch is needed: it has commits that its base has not."""
    tip = commit_of(git, repository.path, f"refs/heads/{branch}")
    if tip == base_of(git, repository, branch, candidate.base_branch):
        return ""
    base = resolve_base(git, repository, candidate.base_branch)
    ahead = git.line(repository.path, "rev-list", "--count", f"{base}..{tip}")
    if ahead == "0":
        return ""
    return f"its branch {branch} has {ahead} commits that are not merged"
