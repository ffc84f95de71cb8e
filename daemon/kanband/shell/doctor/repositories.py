"""Lock files that a killed git has left in a repository with work to do.

The daemon runs no git: the few names that a repository keeps are looked at. Only a
``.git`` that is a folder, or a bare repository; where a ticket names a folder inside
of one, the worker says what is in its way.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kanban_ipc.control import Finding
from kanband.shell.doctor.ground import Ground, ok, wrong

REPOSITORIES: Final = "repositories"
_NAMES: Final = ("config.lock", "packed-refs.lock", "HEAD.lock", "shallow.lock")
"""Those that stop every run. ``index.lock`` is the user's own checkout's."""
_STALE_S: Final = 600.0
"""As the worker has it: git holds one for milliseconds."""


def check_repositories(ground: Ground) -> Iterator[Finding]:
    """Of tickets that are not done."""
    found = 0
    for repository in sorted(ground.repositories):
        for lock in _stale(Path(repository)):
            found += 1
            text = f"{lock} was left by a git that was killed: runs fail there"
            mend = (
                f"see that no git runs there (fuser -v {lock.parent}), then: rm {lock}"
            )
            yield wrong(REPOSITORIES, text, mend)
    if not found:
        yield ok(
            REPOSITORIES, f"{len(ground.repositories)} with work to do, none locked"
        )


def _stale(repository: Path) -> Iterator[Path]:
    inner = repository / ".git"
    for name in _NAMES:
        lock = (inner if inner.is_dir() else repository) / name
        try:
            age_s = time.time() - lock.lstat().st_mtime
        except OSError:
            continue
        if age_s >= _STALE_S:
            yield lock
