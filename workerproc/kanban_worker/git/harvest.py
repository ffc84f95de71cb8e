"""The end of a good run, as far as git goes: commit, compare, write the patch.

Decided here: what is committed and what is said about it. Doing it again (the worker
was killed in the middle) finds its commit made and writes the same patch. In place
nothing is committed: the folder is the user's, and so may be what is not committed.
"""

from pathlib import Path
from typing import NamedTuple

from kanban_worker.core.changes import Changes
from kanban_worker.git.command import Git
from kanban_worker.git.commit import commit_all
from kanban_worker.git.diff import changes, write_patch
from kanban_worker.git.head import AstrayError, attach_head, in_rebase, let_go
from kanban_worker.git.lock import repository_lock
from kanban_worker.git.nested import gitlinks, notes, without_commit
from kanban_worker.git.stale import remove_stale_locks
from kanban_worker.git.tree import Tree, open_tree
from kanban_worker.git.worktree import Workspace


class Harvest(NamedTuple):
    """What a run has brought."""

    branch: str
    head: str
    changes: Changes
    changed: bool
    """In place also by what is not committed."""
    notes: tuple[str, ...] = ()
    """What is not on the branch although it is work."""


def harvest(
    git: Git, locks: Path, workspace: Workspace, message: str, patch: Path
) -> Harvest:
    """Commit with ``message``, write ``patch``. Raises ``GitError``, ``OSError``."""
    path = Path(workspace.path)
    branch = workspace.branch
    told: tuple[str, ...] = ()
    if workspace.in_place:
        head = git.line(path, "rev-parse", "HEAD")
    else:
        with repository_lock(git, locks, Path(workspace.common_dir)) as lock:
            tree = open_tree(git, Path(workspace.common_dir), path, lock)
            remove_stale_locks(tree)
            head = _commit(tree, branch, message)
            told = notes(without_commit(tree), gitlinks(tree, workspace.base, head))
    found = changes(git, path, workspace.base, head)
    write_patch(git, path, workspace.base, head, patch)
    dirty = workspace.in_place and bool(git.run(path, "status", "--porcelain"))
    changed = found.files_count > 0 or dirty
    return Harvest(branch, head, found, changed, told)


def _commit(tree: Tree, branch: str, message: str) -> str:
    """Everything, on the ticket's branch; the commit that this is at then."""
    if in_rebase(tree):
        raise AstrayError(
            f"the agent left {tree.path} in the middle of a rebase; finish or abort it "
            "there and retry, or retry with a fresh start",
        )
    let_go(tree, branch)
    commit_all(tree, message)
    attach_head(tree, branch)
    return tree.line("rev-parse", "HEAD")
