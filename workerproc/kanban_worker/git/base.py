"""The commit a ticket's branch started from, kept with the branch.

It is in the repository's configuration as ``branch.<name>.kanbanBase`` and goes away
with the branch. Where it is missing (the worker was killed between the two), the
merge base with what the ticket names as its base is the same commit.
"""

from kanban_worker.git.command import Git
from kanban_worker.git.repository import Repository, commit_of, resolve_base


def record_base(git: Git, repository: Repository, branch: str, base: str) -> None:
    """Keep it. Under the repository's lock. Raises ``GitError``."""
    git.run(repository.path, "config", _key(branch), base)


def base_of(git: Git, repository: Repository, branch: str, base_branch: str) -> str:
    """Find it. Raises ``GitError``."""
    path = repository.path
    recorded = git.run(path, "config", "--get", _key(branch), accept=(0, 1))
    base = recorded.decode("ascii", "replace").strip()
    if base and commit_of(git, path, base):
        return base
    trunk = resolve_base(git, repository, base_branch)
    ref = f"refs/heads/{branch}"
    found = git.run(path, "merge-base", trunk, ref, accept=(0, 1, 128))
    return found.decode("ascii").strip() or trunk


def _key(branch: str) -> str:
    return f"branch.{branch}.kanbanBase"
