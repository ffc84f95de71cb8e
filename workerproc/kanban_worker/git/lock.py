"""One writer at a time for a repository: ``repos/<hash>.lock`` in the state directory.

Theory. The lock is a flock on an open file description. Git children inherit the
descriptor, so a git that outlives its killed worker still holds the lock, and nobody
meets it half-way. The lock's name comes from the repository's common directory: all
its worktrees and subdirectories share it. The user's own git does not know it; git's
own lock files stand between the two.
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from kanban_worker.git.command import Git, GitBusy, Interrupted

WAIT_S: Final = 300.0
"""Five commands at their limit before us; more is a stuck file system."""
POLL_S: Final = 0.02
"""flock(2) has no timeout, and a thread that waits in it cannot be called back."""


@contextmanager
def repository_lock(git: Git, locks: Path, common_dir: Path) -> Iterator[int]:
    """Hold the repository; gives the descriptor to pass on to git.

    Raises ``GitBusy`` when somebody else holds it for too long, and ``Interrupted``.
    """
    locks.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = hashlib.sha256(os.fsencode(common_dir)).hexdigest()[:32]
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(locks / f"{name}.lock", flags, 0o600)
    try:
        _wait(git, descriptor, common_dir)
        yield descriptor
    finally:
        os.close(descriptor)


def _wait(git: Git, descriptor: int, common_dir: Path) -> None:
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            return
        if git.interrupted:
            raise Interrupted("stopped by order")
        if time.monotonic() > deadline:
            raise GitBusy(
                f"the repository {common_dir} was in use by other runs for "
                f"{WAIT_S:g} s; look for a git that hangs there",
            )
        time.sleep(POLL_S)
