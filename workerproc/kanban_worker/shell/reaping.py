"""Giving up a run that nobody adopts: end it, prove it, make that final.

Order: a living shim is cancelled; then, with the run's lock held alone, so that no
shim can come to life, what carries its nonce is swept and ``reaped.json`` is written.
Reaping twice answers the same as reaping once.
"""

from functools import partial
from pathlib import Path
from typing import Final, Literal

import msgspec

from kanban_ipc.layout import RUN_REAPED
from kanban_ipc.words import Proof, RunId
from kanban_worker.shell import attach
from kanban_worker.shell.blocking import in_thread
from kanban_worker.shell.group import emptied
from kanban_worker.shell.rundir import (
    Alive,
    Exited,
    ExitRecord,
    Lost,
    files_say,
    no_shim,
    read_identity,
    read_reaped,
    state_of,
    write_durable,
)
from kanban_worker.shell.sweep import of_run, of_shim, sweep

SWEEP_GRACE_S: Final = 2.0
"""Between TERM and KILL for processes whose shim is gone already."""
LEAVING_S: Final = 2.0
"""A shim whose record is written may take a moment to be gone."""


class Reaped(msgspec.Struct, frozen=True):
    """What became of a run."""

    outcome: Literal["exited", "lost", "cancelled"]
    """``exited``: it was over before; ``cancelled``: reaping ended it in order;
    ``lost``: no record of its end exists."""
    proof: Proof
    survivors: tuple[int, ...]
    """Pids that could not be ended."""
    exit: ExitRecord | None
    host_restarted: bool = False
    """Lost, and launched in an earlier boot of this machine."""


async def reap(run_dir: Path, grace_s: float) -> Reaped:
    """End a run for good; never raises for what it finds. Seconds at the worst."""
    cancelled = False
    if isinstance(state_of(run_dir), Alive):
        try:
            end = await attach.cancel(run_dir, grace_s)
            cancelled = isinstance(end, Exited) and end.record.reason == "cancelled"
        except (attach.StillThereError, attach.NotLaunchedError):
            pass  # told below, by the lock
    sweep_grace_s = min(grace_s, SWEEP_GRACE_S)
    return await in_thread(partial(bury, run_dir, sweep_grace_s, cancelled))


def bury(run_dir: Path, grace_s: float, cancelled: bool = False) -> Reaped:
    """Sweep and leave ``reaped.json``, for a run without a living shim. Blocks."""
    run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    run_id = RunId(run_dir.name)
    with no_shim(run_dir, LEAVING_S) as none:
        if not none:
            holders = tuple(sorted({*of_shim(run_id), *of_run(run_id)}))
            return Reaped("lost", "none", holders, None)
        swept = sweep(run_id, grace_s)
        identity = read_identity(run_dir)
        empty = identity is not None and emptied(identity.group, run_id)
        report = _report(run_dir, swept.survivors, cancelled, empty)
        write_durable(run_dir / RUN_REAPED, msgspec.json.encode(report))
        return report


def _report(
    run_dir: Path, survivors: tuple[int, ...], cancelled: bool, empty: bool
) -> Reaped:
    """``empty``: the kernel says so of the run's control group."""
    proof: Proof = "none" if survivors else "cgroup" if empty else "sweep"
    said = files_say(run_dir)
    if not isinstance(said, Exited):
        restarted = isinstance(said, Lost) and said.host_restarted
        return Reaped("lost", proof, survivors, None, restarted)
    if not survivors and said.record.proof in {"cgroup", "subreaper"}:
        proof = said.record.proof
    earlier = read_reaped(run_dir) or {}
    ordered = cancelled or earlier.get("outcome") == "cancelled"
    return Reaped("cancelled" if ordered else "exited", proof, survivors, said.record)
