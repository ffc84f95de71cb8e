"""Lock files that a killed git left in a worktree of ours.

Only the worktree's own git directory is looked at (``index.lock``, ``HEAD.lock``):
the repository's common directory is the user's as well, and what is locked there may
be in use. To be called under the repository's lock, with no agent running.
"""

from typing import Final

from kanban_worker.git.tree import Tree

LOCK_FILES: Final = ("index.lock", "HEAD.lock")


def remove_stale_locks(tree: Tree) -> None:
    """Remove them."""
    for name in LOCK_FILES:
        (tree.git_dir / name).unlink(missing_ok=True)
