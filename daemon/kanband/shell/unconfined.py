"""Programs that the daemon runs for a moment, outside of its own sandbox.

Under the system's manager the daemon's unit may read the machine and change nothing but
its state; to end a run's processes, to give a worktree back to git and to look at
everything is more. Such a program becomes a transient service there: neither its
sandbox nor its rights are the daemon's. Everywhere else it is our child as it stands.

Absent: running it. Whoever kills the client leaves the service to its own time limit.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Final

from kanban_ipc.words import UnitScope

OURS_ALONE: Final = frozenset(
    {
        "NOTIFY_SOCKET",
        "WATCHDOG_PID",
        "WATCHDOG_USEC",
        "LISTEN_PID",
        "LISTEN_FDS",
        "LISTEN_FDNAMES",
        "INVOCATION_ID",
        "JOURNAL_STREAM",
    }
)
"""What the service manager says to this process and to none that it starts."""
_MARGIN_S: Final = 10.0
"""Who waits for it gives up first, and says so."""


def unconfined(
    units: UnitScope,
    command: Sequence[str],
    *,
    patience_s: float,
    environ: Mapping[str, str] = os.environ,
) -> list[str]:
    """The command, or another one that does it outside, with the same environment,
    streams and exit status. ``patience_s``: the manager ends it some time after that.
    """
    if units != "system":
        return list(command)
    # By name: a value on a command line could be read by everybody.
    kept = sorted(name for name in environ if name not in OURS_ALONE)
    return [
        *("systemd-run", "--system", "--quiet", "--collect", "--wait", "--pipe"),
        "--slice=kanban.slice",
        f"--description=kanband's helper: {' '.join(command[1:4])}",
        f"--property=RuntimeMaxSec={patience_s + _MARGIN_S:.0f}s",
        "--property=SyslogIdentifier=kanban-helper",
        *(f"--setenv={name}" for name in kept),
        "--",
        *command,
    ]
