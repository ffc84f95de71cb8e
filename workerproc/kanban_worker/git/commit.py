"""Uncommitted work becomes a commit: after a good run, before a worktree is removed.

Decided here: everything that git does not ignore is committed, except a repository
without a commit, which git cannot take up; hooks are not run and nothing is signed, as
nobody is there to be asked; ``kanband <kanband@localhost>`` signs for a user who has
configured no identity. Doing it again finds nothing to do.
"""

import os
from typing import Final

from kanban_worker.git.command import GitError
from kanban_worker.git.nested import without_commit
from kanban_worker.git.tree import Tree

NAME: Final = "kanband"
EMAIL: Final = "kanband@localhost"
UNMERGED_NAMED_MAX: Final = 5


def commit_all(tree: Tree, message: str) -> str:
    """Commit what is uncommitted; the commit that HEAD is at then.

    Raises ``GitError``, among others when the worktree is full of conflicts.
    """
    _refuse_unmerged(tree)
    _add(tree)
    staged = ("diff", "--cached", "--name-only", "--ignore-submodules=none", "-z")
    if tree.run(*staged):
        command = ("commit", "--no-verify", "--no-gpg-sign", "--quiet")
        text = message.replace("\0", "").encode("utf-8", "replace")
        # As "strip", the user's setting would take a line with a # for a comment.
        form = ("--cleanup=whitespace", "--file=-")
        tree.run(*_identity(tree), *command, *form, stdin=text)
    return tree.line("rev-parse", "HEAD")


def _add(tree: Tree) -> None:
    # Git would refuse everything for the sake of a repository without a commit.
    empty = [f":(exclude,literal,top){name}" for name in without_commit(tree)]
    paths = b"\0".join(os.fsencode(each) for each in (".", *empty))
    read = ("--pathspec-from-file=-", "--pathspec-file-nul")
    tree.run("add", "--all", *read, stdin=paths)


def _refuse_unmerged(tree: Tree) -> None:
    listing = tree.run("diff", "--name-only", "--diff-filter=U", "-z")
    names = [each.decode("utf-8", "replace") for each in listing.split(b"\0") if each]
    if names:
        raise GitError(
            "the agent left conflicts unresolved in "
            + ", ".join(names[:UNMERGED_NAMED_MAX])
            + ("…" if len(names) > UNMERGED_NAMED_MAX else ""),
        )


def _identity(tree: Tree) -> tuple[str, ...]:
    for key in ("user.name", "user.email"):
        if not tree.run("config", "--get", key, accept=(0, 1)).strip():
            return ("-c", f"user.name={NAME}", "-c", f"user.email={EMAIL}")
    return ()
