"""What runs are given to speak with: the socket's address and their tokens.

The key is a file of the state directory (0600), made at the first start and kept, so
that an agent that runs on over a restart of the daemon is still known. Without the file
a new key is made: then the tokens of runs that go on are refused, and nothing else
happens.
"""

import os
import stat
from pathlib import Path
from typing import Final

from kanban_ipc.agent import URL_SCHEME
from kanban_ipc.words import Epoch, RunId
from kanband.core import tokens
from kanband.errors import ConfigError

_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class Passes:
    """Makes tokens and knows them again."""

    def __init__(self, key: bytes, socket: Path) -> None:
        """``socket``: agent.sock."""
        assert len(key) == tokens.KEY_BYTES, "a key has its length"
        self._key = key
        self.url = f"{URL_SCHEME}{socket}"

    def token(self, run_id: RunId, epoch: Epoch) -> str:
        """For the run's agent alone."""
        return tokens.token(self._key, run_id, epoch)

    def holder(self, token: str) -> tokens.Holder | None:
        """Whom a token opens; None: nobody."""
        return tokens.holder(self._key, token)


def read_key(path: Path) -> bytes:
    """The daemon's key; made where there is none. Raises ``ConfigError``."""
    try:
        return _read(path)
    except FileNotFoundError:
        return _make(path)
    except OSError as error:
        raise ConfigError(
            f"the key of the runs' tokens, {path}, cannot be read: {error.strerror}; "
            "look at the file, or move it away (runs that go on are refused then)",
        ) from error


def _read(path: Path) -> bytes:
    descriptor = os.open(path, _FLAGS)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        private = not found.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        key = file.read(tokens.KEY_BYTES + 1)
    if found.st_uid != os.geteuid() or not private or len(key) != tokens.KEY_BYTES:
        raise ConfigError(
            f"the key of the runs' tokens, {path}, is not as it was made (yours, mode "
            f"0600, {tokens.KEY_BYTES} bytes), so others may know it; move it away, "
            "and a new one is made (runs that go on are refused then)",
        )
    return key


def _make(path: Path) -> bytes:
    """Whole and durable under its name, or not there."""
    key = os.urandom(tokens.KEY_BYTES)
    spare = path.with_name(f"{path.name}.new")
    spare.unlink(missing_ok=True)
    descriptor = os.open(spare, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(descriptor)
    spare.rename(path)
    return key
