"""What can go wrong in the daemon, and with which exit code it then leaves.

Exit codes: 100 usage or configuration (a restart cannot help; the units name it in
``RestartPreventExitStatus``), 101 a bug, 111 the system failed (temporary). After s6.
"""

import errno
from pathlib import Path
from typing import Final

EXIT_USAGE: Final = 100
EXIT_BUG: Final = 101
EXIT_SYSTEM: Final = 111


class KanbandError(Exception):
    """Root of the daemon's errors; its text is for people."""

    exit_code: int = EXIT_SYSTEM


PASSING: Final = frozenset(
    (
        errno.EDQUOT,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ENOSPC,
        errno.EROFS,
    )
)
"""What of the system's refusals may be otherwise at the next start."""


class SystemTrouble(KanbandError):
    """A disk that is full, read-only or failing, or files that are short, for now."""


class ConfigError(KanbandError):
    """The configuration cannot be used."""

    exit_code = EXIT_USAGE


class AlreadyRunning(KanbandError):
    """Another daemon holds the state directory, or the runtime directory."""

    exit_code = EXIT_USAGE

    def __init__(self, lock: Path, holder: str, option: str) -> None:
        """``holder``: the pid it wrote into the lock file, may be empty; ``option``:
        with which flag another directory is chosen."""
        who = f"process {holder}" if holder else "another process"
        super().__init__(
            f"a kanband already runs on {lock.parent}: {who} holds {lock.name}. "
            "This one has touched nothing. Stop the other first "
            f"(kanbanctl shutdown), or start this one with another {option}.",
        )
