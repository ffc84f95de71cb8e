"""How a folder stands that should be a worktree of ours, or become one.

Decided here: what counts as something in the way, as pristine (nothing is changed),
and as half made: git was killed during ``worktree add`` and still marks it so. In a
half-made one nobody has worked, so its checkout is finished. To be asked under the
repository's lock.
"""

from pathlib import Path

from kanban_worker.git.stale import remove_stale_locks
from kanban_worker.git.tree import Tree


def exists(path: Path) -> bool:
    """Whether something is there: a symlink, wherever it leads; no empty folder."""
    if path.is_symlink() or not path.is_dir():
        return path.is_symlink() or path.exists()
    return any(path.iterdir())


def is_pristine(tree: Tree) -> bool:
    """Whether nobody has worked in it; a half-made one is completed."""
    remove_stale_locks(tree)
    if not tree.run("status", "--porcelain"):
        return True
    mark = tree.git_dir / "locked"
    if not mark.is_file() or mark.read_text().strip() != "initializing":
        return False
    tree.run("reset", "--hard", "--quiet")
    tree.run("worktree", "unlock", str(tree.path))
    return True
