"""How a folder stands that should be a worktree of ours.

Decided here: what counts as usable (git lists it at this very path, and agrees when
asked from inside; never a symlink), as pristine (nothing is changed), and as half
made: git was killed during ``worktree add`` and still marks it so. In a half-made one
nobody has worked, so its checkout is finished. To be asked under the repository's
lock.
"""

from pathlib import Path

from kanban_worker.git.command import Git, GitError
from kanban_worker.git.repository import Worktree
from kanban_worker.git.stale import remove_stale_locks


def exists(path: Path) -> bool:
    """Whether something is there: a symlink, wherever it leads; no empty folder."""
    if path.is_symlink() or not path.is_dir():
        return path.is_symlink() or path.exists()
    return any(path.iterdir())


def is_usable(git: Git, holder: Worktree, path: Path) -> bool:
    """Whether ``holder``, as git lists it, is the worktree at ``path``."""
    if holder.path != path or path.is_symlink() or not (path / ".git").is_file():
        return False
    try:
        found = git.line(path, "rev-parse", "--show-toplevel")
    except GitError:
        if git.interrupted:
            raise
        return False
    return Path(found) == path


def is_pristine(git: Git, path: Path, lock_fd: int) -> bool:
    """Whether nobody has worked in a usable worktree; a half-made one is completed."""
    remove_stale_locks(git, path)
    if not git.run(path, "status", "--porcelain"):
        return True
    git_dir = Path(git.line(path, "rev-parse", "--absolute-git-dir"))
    mark = git_dir / "locked"
    if not mark.is_file() or mark.read_text().strip() != "initializing":
        return False
    git.run(path, "reset", "--hard", "--quiet", lock_fd=lock_fd)
    git.run(path, "worktree", "unlock", str(path))
    return True
