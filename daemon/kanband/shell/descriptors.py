"""How many files the daemon may open: as many as the system allows it, up to a bound.

Service managers give 1,024 and allow far more, and a daemon with its clients at their
most (``CONTROL_CONNECTIONS_MAX`` on either socket) needs more than that. ZeroMQ ends
the process that has none left when a worker connects: in libzmq 4.3.5
``ipc_listener_t::accept`` takes EMFILE for a bug of its own. So there must be enough.

The limit is the daemon's alone: agents may use select(2), which knows 1,024, or close
every descriptor up to the limit, so the spawner gets the one that we were started with.
"""

import contextlib
import resource
from typing import Final

FILES_MAX: Final = 65_536
_STARTED_WITH: Final = resource.getrlimit(resource.RLIMIT_NOFILE)


def raise_limit() -> None:
    """Before much is opened."""
    soft, hard = _STARTED_WITH
    wanted = FILES_MAX if hard == resource.RLIM_INFINITY else min(FILES_MAX, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def give_back(pid: int) -> None:
    """A child that has just been started gets the limit that we had."""
    # It may be gone already, which whoever waits for it will see.
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(pid, resource.RLIMIT_NOFILE, _STARTED_WITH)
