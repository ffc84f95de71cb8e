"""Who can be struck: the processes of a system, by kind."""

import json
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, get_args

from kanban_ipc import layout
from support.system import System

Kind = Literal["daemon", "spawner", "worker", "shim", "agent"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
WEIGHTS: Final[dict[Kind, int]] = {
    "daemon": 1,
    "spawner": 1,
    "worker": 4,
    "shim": 8,
    "agent": 8,
}
"""Of the kinds, if there is one of it: who holds up all others dies less often, so
that they live to be killed."""


def living(ground: System) -> dict[Kind, list[int]]:
    """Pids by kind, in a stable order."""
    found = {trace.pid: trace.command for trace in ground.processes()}
    workers = _workers(ground, found.keys())
    # Also as its compiled form: shim.cpython-311.pyc.
    shims = [pid for pid in found if "/shim." in found[pid]]
    spawners = {pid for pid in found if "--spawner" in found[pid].split()}
    others = found.keys() - set(shims) - spawners - set(workers)
    return {
        "daemon": [ground.daemon.pid],
        "spawner": sorted(spawners - set(workers)),
        "worker": workers,
        "shim": sorted(shims),
        "agent": sorted(pid for pid in others if _is_of_run(pid)),
    }


def _workers(ground: System, ours: AbstractSet[int]) -> list[int]:
    pids = set()
    for path in (ground.state / layout.WORKERS_DIR).glob("*.lock"):
        with suppress(OSError, ValueError, KeyError):
            pids.add(int(json.loads(path.read_text())["pid"]))
    return sorted(pids & ours)


def _is_of_run(pid: int) -> bool:
    with suppress(OSError):
        return b"KANBAN_RUN_ID=" in Path(f"/proc/{pid}/environ").read_bytes()
    return False
