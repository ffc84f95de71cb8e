"""Lock files that a killed git left in a worktree of ours.

Only the worktree's own git directory is looked at (``index.lock``, ``HEAD.lock``):
the repository's common directory is the user's as well, and what is locked there may
be in use. To be called under the repository's lock, with no agent running.
"""

from pathlib import Path
from typing import Final

from kanban_worker.git.command import Git

LOCK_FILES: Final = ("index.lock", "HEAD.lock")


def remove_stale_locks(git: Git, worktree: Path) -> None:
    """Remove them. Raises ``GitError`` when it is not a worktree."""
    git_dir = Path(git.line(worktree, "rev-parse", "--absolute-git-dir"))
    if git_dir.parent.name != "worktrees":
        return
    for name in LOCK_FILES:
        (git_dir / name).unlink(missing_ok=True)
