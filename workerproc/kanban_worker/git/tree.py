"""A folder that is a worktree of ours: proved before anything is done in it.

Theory. An agent may do anything to its folder: delete ``.git``, make a repository of
its own there, put a link or another worktree's file in its place. A git started there
would then work in whatever repository it finds, in the end in one that encloses the
state directory, such as a home directory's dotfiles. So nothing of ours runs in a
worktree but through a ``Tree``, and ``open_tree`` gives one only where folder and
repository name each other: the folder's ``.git`` is a plain file that leads to
``worktrees/<id>`` of the ticket's repository, and that leads back to this very folder.
Besides, none of these gits looks for a repository above the folder.

To be opened under the repository's lock, with no agent running.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kanban_worker.git.command import Git, GitError, PassingError


class NotOursError(GitError):
    """The folder is not, or no more, the worktree it should be; it stays as it is."""


class Tree(NamedTuple):
    """A worktree of ours; made by ``open_tree``."""

    git: Git
    path: Path
    git_dir: Path
    """Its own: where its HEAD and index are."""
    lock_fd: int
    """Of the repository's lock."""

    def run(
        self, *args: str, stdin: bytes = b"", accept: Sequence[int] = (0,)
    ) -> bytes:
        """Like ``Git.run``; every git inherits the lock."""
        return self.git.run(
            self.path,
            *args,
            stdin=stdin,
            lock_fd=self.lock_fd,
            accept=accept,
            ceiling=self.path.parent,
        )

    def line(self, *args: str) -> str:
        """Its output without the newline. Raises ``GitError``."""
        return os.fsdecode(self.run(*args)).rstrip("\n")


def open_tree(git: Git, common_dir: Path, path: Path, lock_fd: int) -> Tree:
    """Prove it. ``common_dir`` as in ``Repository``. Raises ``NotOursError``."""
    link = path / ".git"
    if path.is_symlink() or not path.is_dir():
        raise NotOursError(f"{path} is not a folder any more")
    if link.is_symlink() or not link.is_file():
        raise NotOursError(
            f"{link}, which git keeps in a worktree, is gone or replaced; nothing is "
            "committed there, and the folder stays as it is",
        )
    tree = Tree(git, path, Path(), lock_fd)
    try:
        top = Path(tree.line("rev-parse", "--show-toplevel"))
        git_dir = Path(os.path.realpath(tree.line("rev-parse", "--absolute-git-dir")))
        back = git_dir / os.fsdecode((git_dir / "gitdir").read_bytes()).rstrip("\n")
    except PassingError:
        raise
    except (GitError, OSError) as error:
        raise NotOursError(f"{link} leads nowhere: {error}") from error
    ours = git_dir.parent == Path(os.path.realpath(common_dir)) / "worktrees"
    if not ours or top != path or os.path.realpath(back) != os.path.realpath(link):
        raise NotOursError(
            f"{link} leads to another repository or another worktree ({git_dir}); "
            "nothing is committed there, and the folder stays as it is",
        )
    return tree._replace(git_dir=git_dir)


def find_tree(git: Git, common_dir: Path, path: Path, lock_fd: int) -> Tree | None:
    """None where it is not ours."""
    try:
        return open_tree(git, common_dir, path, lock_fd)
    except NotOursError:
        return None
