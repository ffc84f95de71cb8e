"""One start of a worker: its name, its secret, its process.

Decided here: how an incarnation is named and proves itself. The store keeps only the
secret's SHA-256; the secret itself goes to the worker by descriptor and comes back in
its hello. Absent: when one is started and what its end means.
"""

import hashlib
import hmac
import os
import secrets
import signal
from collections.abc import Callable
from dataclasses import dataclass

from kanban_ipc.link import ProcessId
from kanband.core.exits import signal_name
from kanband.shell.pidfd import Pidfd, ProcessGone

_NAME_BYTES = 8
_SECRET_BYTES = 32


@dataclass(slots=True)
class Incarnation:
    """What is known of the start that is current."""

    name: str
    log_from: int = 0
    """Bytes in its log before it; what follows is its own."""
    asked: bool = False
    """The spawner was asked for it."""
    process: ProcessId | None = None
    watch: Pidfd | None = None
    said_hello: bool = False
    goodbye: str = ""
    put_down: str = ""
    recycled: str = ""
    """Why it drains, if it does to be replaced by a fresh one."""
    heard_at: float = 0.0

    def attach(self, process: ProcessId, on_exit: Callable[[], None]) -> bool:
        """Watch its process; False: that has ended already."""
        self.process = process
        try:
            self.watch = Pidfd(process, on_exit)
        except ProcessGone:
            return False
        return True

    def signal(self, number: signal.Signals) -> str | None:
        """Send it; the step for the record, or None when there is nobody."""
        if self.watch is None or self.watch.process.pid == os.getpid():
            return None  # nobody, or a worker in a thread of this very process
        if not self.watch.signal(number):
            return None
        return f"{signal_name(number)} {self.watch.process.pid}"

    def close(self) -> None:
        """Watch no longer."""
        if self.watch is not None:
            self.watch.close()
            self.watch = None


def fresh_name() -> str:
    """Unique among all starts of a worker."""
    return secrets.token_hex(_NAME_BYTES)


def fresh_secret() -> tuple[str, str]:
    """(secret, its SHA-256 in hex)."""
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    return secret, digest(secret)


def digest(secret: str) -> str:
    """SHA-256 in hex. The secret is random and long: no salt, no stretching."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def proves(secret: str, sha256: str) -> bool:
    """Whether this secret belongs to this digest; in constant time."""
    return sha256 != "" and hmac.compare_digest(digest(secret), sha256)
