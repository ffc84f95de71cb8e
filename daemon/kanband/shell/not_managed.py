"""What is said to a person who would have a worker started or stopped that the daemon
does not start: what to do instead, by mode."""

from typing import Final

from kanband.config import Mode
from kanband.errors import KanbandError

_INSTEAD: Final[dict[Mode, str]] = {
    "managed": "",
    "standalone": (
        "In standalone mode workers are started by hand (kanban-worker --connect) or "
        "as a service (systemctl --user start kanban-worker@NAME), and stopped where "
        "they were started: SIGTERM drains"
    ),
    "inline": (
        'In inline mode it runs its slots in its own process; their number is "slots"'
    ),
}


class NotManaged(KanbandError):
    """This daemon starts no workers."""

    def __init__(self, mode: Mode) -> None:
        """``mode``: the one that it runs in."""
        super().__init__(
            f"this daemon starts no worker processes. {_INSTEAD[mode]}. To have it do "
            'so, set mode = "managed" in kanban.toml and restart it'
        )


class Guest(KanbandError):
    """It is another's to start and to stop."""

    def __init__(self, name: str, pid: int | None) -> None:
        """``pid``: None when it does not run."""
        stop = "" if pid is None else f"kill {pid} drains it; "
        super().__init__(
            f"{name} was not started by this daemon, but by hand or as a service of "
            f"its own, and there it is to be stopped and started: {stop}"
            f"a service is kanban-worker@{name} for systemctl --user"
        )


def how_to_start(mode: Mode, options: str = "") -> str:
    """The command that gives a daemon of this mode another worker."""
    if mode == "standalone":
        return f"kanban-worker --connect{options}"
    if mode == "inline":
        return "nothing to start in inline mode, its slots are the daemon's own"
    return f"kanbanctl start-worker{options}"
