"""Giving a worktree back, never with a loss.

Decided here: what is uncommitted is committed first, and whatever HEAD alone knows
gets a name; git removes the folder itself and without ``--force``, so that it refuses
where something would be lost; a repository that the agent made inside of the worktree
keeps the folder, because its commits are nowhere else. Nothing here deletes a branch,
follows a symlink, or deletes a tree by itself.
"""

from pathlib import Path
from typing import Final, NamedTuple

from kanban_worker.git.command import Git, GitError, PassingError
from kanban_worker.git.commit import commit_all
from kanban_worker.git.head import keep, let_go
from kanban_worker.git.nested import find_one
from kanban_worker.git.repository import Repository
from kanban_worker.git.stale import remove_stale_locks
from kanban_worker.git.tree import open_tree

MESSAGE: Final = (
    "Work in progress\n\nCommitted by kanband before it removed the worktree.\n"
)


class Removal(NamedTuple):
    """What became of it."""

    left: str = ""
    """A new branch, for commits that were not the ticket's branch's to take."""
    stays: str = ""
    """Why the folder stays; empty when it is gone."""


def remove_worktree(
    git: Git, repository: Repository, worktree: Path, branch: str, lock_fd: int
) -> Removal:
    """Commit to ``branch`` and remove. Under the lock."""
    left = ""
    try:
        tree = open_tree(git, repository.common_dir, worktree, lock_fd)
        remove_stale_locks(tree)
        let_go(tree, branch)
        commit_all(tree, MESSAGE)
        left = keep(tree, branch)
        if nested := find_one(worktree):
            return Removal(left, f"it holds another repository, {nested}")
        command = ("worktree", "remove", "--", str(worktree))
        git.run(repository.path, *command, lock_fd=lock_fd)
    except PassingError:
        raise
    except (GitError, OSError) as error:
        return Removal(left, str(error))
    return Removal(left)
