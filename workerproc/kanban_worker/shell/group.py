"""The control group of a run that was a systemd service, seen from outside.

Decided here: when such a group proves that nothing of a run is left. Its shim has named
the folder in ``shim.json``; one that is not named after the run is somebody else's, and
is left alone. Absent: runs without a unit, which have no group of their own.
"""

import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from kanban_ipc.words import RunId

EMPTY_WITHIN_S: Final = 5.0
"""After a KILL by the kernel; only uninterruptible sleep takes longer."""
PAUSE_S: Final = 0.01


def unit_name(run_id: RunId) -> str:
    """Name the systemd unit of a run: it follows from the id alone."""
    return f"kanban-run-{run_id}.service"


def emptied(group: str, run_id: RunId) -> bool:
    """KILL all of it at once, as the kernel does (cgroup.kill), and see it empty.

    False: it is none of this run's, or not empty in time. Blocks that long.
    """
    folder = Path(group)
    if not group or folder.name != unit_name(run_id):
        return False
    with suppress(OSError):
        (folder / "cgroup.kill").write_text("1")
    deadline = time.monotonic() + EMPTY_WITHIN_S
    while not (empty := _is_empty(folder)) and time.monotonic() < deadline:
        time.sleep(PAUSE_S)
    return empty


def _is_empty(folder: Path) -> bool:
    """Gone is empty: the kernel removes no group that has a process in it."""
    try:
        return "populated 0" in (folder / "cgroup.events").read_text()
    except FileNotFoundError:
        return True
    except OSError:
        return False
