"""Uncommitted work becomes a commit: after a good run, before a worktree is removed.

Decided here: everything that git does not ignore is committed; hooks are not run and
nothing is signed, as nobody is there to be asked; ``kanband <kanband@localhost>`` signs
for a user who has configured no identity. Doing it again finds nothing to do.
"""

from pathlib import Path
from typing import Final

from kanban_worker.git.command import Git, GitError

NAME: Final = "kanband"
EMAIL: Final = "kanband@localhost"
UNMERGED_NAMED_MAX: Final = 5


def commit_all(git: Git, worktree: Path, message: str, lock_fd: int) -> str:
    """Commit what is uncommitted; the commit that HEAD is at then.

    Raises ``GitError``, among others when the worktree is full of conflicts.
    """
    _refuse_unmerged(git, worktree)
    git.run(worktree, "add", "--all", lock_fd=lock_fd)
    if git.run(worktree, "diff", "--cached", "--name-only", "-z"):
        command = ("commit", "--no-verify", "--no-gpg-sign", "--quiet", "--file=-")
        git.run(
            worktree,
            *_identity(git, worktree),
            *command,
            stdin=message.encode("utf-8", "replace"),
            lock_fd=lock_fd,
        )
    return git.line(worktree, "rev-parse", "HEAD")


def attach_head(git: Git, worktree: Path, branch: str, lock_fd: int) -> str:
    """The branch that has the work: ``branch``, or another the agent has chosen.

    A detached HEAD that is ahead of ``branch`` is put back on it. Raises ``GitError``
    for one that has gone another way.
    """
    current = git.run(worktree, "symbolic-ref", "--short", "-q", "HEAD", accept=(0, 1))
    if current:
        return current.decode("utf-8", "replace").strip()
    ref = f"refs/heads/{branch}"
    ahead = git.run(worktree, "rev-list", "--count", f"HEAD..{ref}", accept=(0, 128))
    if ahead.strip() != b"0":
        raise GitError(
            f"the agent left {worktree} detached from {branch}, in the middle of a "
            "rebase perhaps; put it right there, or retry with a fresh start",
        )
    git.run(worktree, "update-ref", ref, "HEAD", lock_fd=lock_fd)
    git.run(worktree, "symbolic-ref", "HEAD", ref, lock_fd=lock_fd)
    return branch


def _refuse_unmerged(git: Git, worktree: Path) -> None:
    listing = git.run(worktree, "diff", "--name-only", "--diff-filter=U", "-z")
    names = [each.decode("utf-8", "replace") for each in listing.split(b"\0") if each]
    if names:
        raise GitError(
            "the agent left conflicts unresolved in "
            + ", ".join(names[:UNMERGED_NAMED_MAX])
            + ("…" if len(names) > UNMERGED_NAMED_MAX else ""),
        )


def _identity(git: Git, worktree: Path) -> tuple[str, ...]:
    for key in ("user.name", "user.email"):
        if not git.run(worktree, "config", "--get", key, accept=(0, 1)).strip():
            return ("-c", f"user.name={NAME}", "-c", f"user.email={EMAIL}")
    return ()
