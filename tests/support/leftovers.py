"""What a system may leave when it has been shut down: files, nothing that lives."""

import fcntl
from pathlib import Path

from kanban_ipc import layout
from support.system import System

SOCKETS = (layout.CONTROL_SOCKET, layout.LINK_SOCKET, layout.SPAWNER_SOCKET)


def assert_nothing_left(system: System) -> None:
    """After a shutdown: no process, no socket, no held lock."""
    assert system.processes() == []
    assert [name for name in SOCKETS if (system.runtime / name).exists()] == []
    assert [path for path in _locks(system.state) if _held(path)] == []


def _locks(state: Path) -> list[Path]:
    return [path for path in state.rglob("*.lock") if path.is_file()]


def _held(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
