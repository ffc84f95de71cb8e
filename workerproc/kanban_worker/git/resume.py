"""Going on in a worktree as the last attempt has left it, on the ticket's branch.

Decided here: the folder is taken as it is wherever its HEAD may be, as long as HEAD can
be put on the branch without a choice, or a rebase is to be finished there. Where the
branch has commits that HEAD has not, the branch is the truth: what the folder has
besides is committed, gets a name, and is told.
"""

from typing import Final

from kanban_worker.git.command import GitError, PassingError
from kanban_worker.git.commit import commit_all
from kanban_worker.git.head import (
    branch_at_head,
    go_back,
    in_rebase,
    keep,
    let_go,
    move_forward,
)
from kanban_worker.git.tree import Tree

MESSAGE: Final = (
    "Work in progress\n\n"
    "Committed by kanband before it went back to the ticket's branch.\n"
)


def resume(tree: Tree, branch: str) -> str:
    """Have HEAD on ``branch`` again; what was unusual about it, or nothing.

    Raises ``AstrayError`` when another worktree holds the branch.
    """
    if branch_at_head(tree) == branch:
        return ""
    if in_rebase(tree):
        return f"{tree.path} is in the middle of a rebase; it goes on there"
    let_go(tree, branch)
    if move_forward(tree, branch):
        return f"HEAD was not on {branch}; it is again, with what was committed"
    try:
        commit_all(tree, MESSAGE)
        left = keep(tree, branch)
        go_back(tree, branch)
    except PassingError:
        raise
    except GitError as error:
        return f"{tree.path} is not on {branch}, and cannot be put there: {error}"
    kept = f"; what was not on it is on {left}" if left else ""
    return f"HEAD was not on {branch}; it was checked out again{kept}"
