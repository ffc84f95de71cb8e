"""Where an agent has left HEAD, and the way back to the ticket's branch.

Theory. A ticket's work is on the ticket's branch and nowhere else; any other branch may
be the user's, so none is ever moved or held. Before anything is committed HEAD lets go
of another branch (it is detached where it stands). Afterwards it is brought back:

* the branch is behind it, or gone: the branch moves forward to it;
* it is behind the branch: the agent only looked elsewhere, and the branch is checked
  out again, in a worktree where everything is committed;
* each has what the other has not: nobody can tell which is meant. A good end becomes an
  error; a retry goes on on the branch, and the other commits get a name of their own,
  ``<branch>-left``. So do they before their worktree, and with it HEAD, is removed.

In the middle of a rebase HEAD is git's own and is left alone. A branch that is checked
out in another worktree is not moved: it would change under somebody's feet.
"""

from pathlib import Path
from typing import Final

from kanban_worker.git.command import Git, GitError
from kanban_worker.git.repository import commit_of, worktrees
from kanban_worker.git.tree import Tree

LEFT: Final = "-left"
NAMES_MAX: Final = 1_000
HEADS: Final = "refs/heads/"
_REBASES: Final = ("rebase-merge", "rebase-apply")


class AstrayError(GitError):
    """HEAD and the ticket's branch cannot be brought together without a choice."""


def branch_at_head(tree: Tree) -> str:
    """The branch that HEAD is on; empty when it is detached."""
    found = tree.run("symbolic-ref", "-q", "HEAD", accept=(0, 1))
    return found.decode("utf-8", "surrogateescape").strip().removeprefix(HEADS)


def in_rebase(tree: Tree) -> bool:
    """Whether git has stopped in the middle of one (or of ``git am``)."""
    return any((tree.git_dir / name).is_dir() for name in _REBASES)


def let_go(tree: Tree, branch: str) -> None:
    """Hold no branch but ``branch``: neither it nor the folder's content changes."""
    if branch_at_head(tree) in {"", branch}:
        return
    # On a branch without a commit yet there is nothing to stand on, nor to be moved.
    if head := commit_of(tree.git, tree.path, "HEAD"):
        tree.run("update-ref", "--no-deref", "HEAD", head)


def move_forward(tree: Tree, branch: str) -> bool:
    """Put HEAD on ``branch`` if that has nothing else; whether it is there now."""
    if branch_at_head(tree) == branch:
        return True
    head, tip = _head(tree), _tip(tree, branch)
    _refuse_held(tree, branch)
    if tip is not None and not _is_ancestor(tree, tip, head):
        return False
    tree.run("update-ref", HEADS + branch, head, tip or "")
    tree.run("symbolic-ref", "HEAD", HEADS + branch)
    return True


def go_back(tree: Tree, branch: str) -> None:
    """Check ``branch`` out; everything is committed, and named if it must be."""
    tree.run("checkout", "--quiet", "--no-overwrite-ignore", branch, "--")


def is_behind(tree: Tree, branch: str) -> bool:
    """Whether all that HEAD has is on ``branch``."""
    return _is_ancestor(tree, _head(tree), HEADS + branch)


def attach_head(tree: Tree, branch: str) -> None:
    """After a commit: have HEAD on ``branch``. Raises ``AstrayError``."""
    if move_forward(tree, branch):
        return
    if not is_behind(tree, branch):
        raise AstrayError(
            f"the agent's last work in {tree.path} went another way than the branch "
            f"{branch}; put it right there (git merge or cherry-pick) and retry: what "
            f"is not on the branch then is kept as {branch}{LEFT}",
        )
    go_back(tree, branch)


def keep(tree: Tree, branch: str) -> str:
    """See that a branch has what HEAD has; the name of a new one, if it took that."""
    if branch_at_head(tree):
        return ""
    if not in_rebase(tree):
        try:
            if move_forward(tree, branch):
                return ""
        except AstrayError:  # somebody holds it: another name then
            pass
    return keep_commit(tree.git, tree.path, branch, _head(tree), tree.lock_fd)


def keep_commit(
    git: Git, directory: Path, branch: str, commit: str, lock_fd: int
) -> str:
    """The same for a commit of which perhaps nothing is left but its number."""
    holding = ("--count=1", f"--contains={commit}", "refs/heads", "refs/tags")
    if git.run(directory, "for-each-ref", *holding, "refs/remotes"):
        return ""
    for nth in range(1, NAMES_MAX):
        name = f"{branch}{LEFT}" + (f"-{nth}" if nth > 1 else "")
        if commit_of(git, directory, HEADS + name) is None:
            new = ("update-ref", HEADS + name, commit, "")
            git.run(directory, *new, lock_fd=lock_fd)
            return name
    raise GitError(f"no free name for what was done beside {branch}")


def _head(tree: Tree) -> str:
    return tree.line("rev-parse", "--verify", "HEAD^{commit}")


def _tip(tree: Tree, branch: str) -> str | None:
    return commit_of(tree.git, tree.path, HEADS + branch)


def _is_ancestor(tree: Tree, old: str, new: str) -> bool:
    # Without a common history the answer is no as well.
    return tree.run("rev-list", "--max-count=1", old, f"^{new}", "--") == b""


def _refuse_held(tree: Tree, branch: str) -> None:
    for each in worktrees(tree.git, tree.path):
        if each.branch == branch and each.path != Path(tree.path):
            raise AstrayError(
                f"the branch {branch} is checked out in {each.path}, so it cannot take "
                f"up what is in {tree.path}; give it free there, then retry",
            )
