"""What runs have left behind: processes, run directories, worktrees."""

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kanban_ipc import layout
from kanban_ipc.control import Finding
from kanban_ipc.words import RunId
from kanband.shell.doctor.ground import Ground, note, ok, wrong
from kanband.shell.doctor.processes import still_there

PROCESSES: Final = "processes"
RUNS: Final = "run directories"
WORKTREES: Final = "worktrees"
_NAMED_MAX: Final = 5


def check_processes(ground: Ground) -> Iterator[Finding]:
    """Those of runs that are over. Runs of another installation are not ours."""
    orphans: dict[RunId, list[int]] = defaultdict(list)
    for carrier in ground.carriers:
        if ground.ended.get(carrier.run_id) and still_there(carrier):
            orphans[carrier.run_id].append(carrier.pid)
    runs = ground.config.state_dir / layout.RUNS_DIR
    for run_id, pids in orphans.items():
        listed = ", ".join(map(str, pids))
        text = f"run {run_id} is over, but process {listed} of it lives"
        yield wrong(PROCESSES, text, f"kanban-worker --reap {runs / run_id}")
    if not orphans:
        live = sum(not ended for ended in ground.ended.values())
        yield ok(PROCESSES, f"no process outlives its run ({live} live)")


def check_run_directories(ground: Ground) -> Iterator[Finding]:
    """Those that the store knows nothing of."""
    names = _names(ground.config.state_dir / layout.RUNS_DIR)
    unknown = [name for name in names if name not in ground.ended]
    if unknown:
        text = f"{len(unknown)} belong to no run of this store: {_some(unknown)}"
        yield note(RUNS, text, "kanbanctl gc --dry-run shows them, kanbanctl gc")
    else:
        yield ok(RUNS, f"{len(names)}, each of a known run")


def check_worktrees(ground: Ground) -> Iterator[Finding]:
    """Those that no ticket works in."""
    directory = ground.config.state_dir / layout.WORKTREES_DIR
    # As the worker names them: with the links of the state directory followed.
    root = Path(os.path.realpath(directory))
    names = _names(directory)
    unknown = [name for name in names if str(root / name) not in ground.worktrees]
    if unknown:
        text = f"{len(unknown)} belong to no ticket: {_some(unknown)}"
        mend = f"look into them, then: git worktree remove {root / unknown[0]}"
        yield note(WORKTREES, text, mend)
    else:
        yield ok(WORKTREES, f"{len(names)}, each of a known ticket")


def _names(directory: Path) -> list[str]:
    try:
        return sorted(os.listdir(directory))  # noqa: PTH208 - names are enough
    except FileNotFoundError:
        return []


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED_MAX} more" if len(names) > _NAMED_MAX else ""
    return ", ".join(names[:_NAMED_MAX]) + more
