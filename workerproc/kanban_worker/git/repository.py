"""A repository as the ticket names it, and what can be asked of it.

Decided here: what may stand in a ticket's ``repo_path``: a repository's folder, a
worktree of one, a folder inside of either, or a bare repository. Every way in which
it cannot be used has its own plain message. Which base a branch starts from: the
ticket's, looked for as a local branch, then as ``origin``'s, then as any revision;
else HEAD.
"""

import os
from pathlib import Path
from typing import Final, NamedTuple

from kanban_worker.git.command import Git, GitError, PassingError

_ANEW: Final = "cancel it and add it again"
"""A ticket cannot be changed."""


class Worktree(NamedTuple):
    """One entry of ``git worktree list``."""

    path: Path
    branch: str
    """Without ``refs/heads/``; empty when detached or bare."""
    head: str
    """The commit; empty when bare."""


class Repository(NamedTuple):
    """A repository that can be used."""

    path: Path
    """As the ticket says, absolute."""
    common_dir: Path
    """Where all its worktrees keep their objects and refs."""
    prefix: str
    """The folder inside the repository that ``path`` is, e.g. ``docs/``; or empty."""


def open_repository(git: Git, repo_path: str) -> Repository:
    """Check it. Raises ``GitError``."""
    path = Path(repo_path)
    if not path.is_absolute():
        raise GitError(f"the repository path {repo_path!r} is not absolute")
    if not path.is_dir():
        raise GitError(
            f"the repository {path} does not exist or is not a folder; put it there "
            f"and retry the ticket, or {_ANEW} with another repository",
        )
    try:
        found = git.line(path, "rev-parse", "--git-common-dir")
        prefix = git.line(path, "rev-parse", "--show-prefix")
    except PassingError:
        raise
    except GitError as error:
        raise _unusable(path, error) from error
    return Repository(path, Path(os.path.realpath(path / found)), prefix)


def _unusable(path: Path, error: GitError) -> GitError:
    if "not a git repository" in str(error):
        return GitError(
            f"{path} is not a git repository; `git init` it, commit and retry the "
            f"ticket, or {_ANEW} with another repository",
        )
    return GitError(f"the repository {path} cannot be used: {error}")


def commit_of(git: Git, directory: Path, revision: str) -> str | None:
    """The full hash of a revision; None when there is none."""
    wanted = f"{revision}^{{commit}}"
    found = git.run(
        directory, "rev-parse", "--verify", "--quiet", wanted, accept=(0, 1, 128)
    )
    return found.decode("ascii").strip() or None


def resolve_base(git: Git, repository: Repository, base_branch: str) -> str:
    """The commit a new branch starts from, read now. Raises ``GitError``."""
    path = repository.path
    if not base_branch:
        if found := commit_of(git, path, "HEAD"):
            return found
        raise GitError(
            f"the repository {path} has no commit yet; make a first one, then retry"
        )
    names = (f"refs/heads/{base_branch}", f"refs/remotes/origin/{base_branch}")
    # A name that begins with a dash would be an option.
    wide = () if base_branch.startswith("-") else (base_branch,)
    for name in (*names, *wide):
        if found := commit_of(git, path, name):
            return found
    raise GitError(
        f"the repository {path} has no branch {base_branch!r}, which the ticket names "
        f"as its base; create or fetch it and retry the ticket, or {_ANEW} with "
        "another base",
    )


def worktrees(git: Git, directory: Path) -> list[Worktree]:
    """All of a repository's, the user's own included."""
    listing = git.line(directory, "worktree", "list", "--porcelain")
    found: list[Worktree] = []
    for entry in listing.split("\n\n"):
        fields = dict(line.partition(" ")[::2] for line in entry.split("\n"))
        if path := fields.get("worktree"):
            branch = fields.get("branch", "").removeprefix("refs/heads/")
            found.append(Worktree(Path(path), branch, fields.get("HEAD", "")))
    return found
