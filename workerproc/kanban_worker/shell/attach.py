"""Waiting for a shim that anybody started, and telling it to stop.

A pid comes from ``shim.json`` and is trusted only after its pidfd was opened and boot
id and start time agree: a recycled pid is neither awaited nor signalled. Where no
identity is written yet, or its process is gone while the lock is still held for a
moment, the lock is asked again, with growing pauses (flock has no descriptor to wait
on). Absent: what the end means for the ticket.
"""

import asyncio
import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeAlias

from kanban_ipc.words import RunId
from kanban_worker.shell.rundir import (
    Absent,
    Alive,
    Exited,
    Lost,
    Prepared,
    ShimIdentity,
    read_identity,
    state_of,
)
from kanban_worker.shell.sweep import of_shim
from kanban_worker.shim import boot_id, send, start_ticks

PAUSE_FIRST_S: Final = 0.005
PAUSE_MAX_S: Final = 0.5
PATIENCE_S: Final = 3.0
"""What a shim may take beyond the grace: KILL, wait, sweep, one fsync."""
KILLED_WITHIN_S: Final = 5.0

Ended: TypeAlias = Exited | Lost


class NotLaunchedError(Exception):
    """There is no shim to wait for, and never was."""


class StillThereError(Exception):
    """The shim outlasted SIGKILL, or holds the lock without being found."""


async def ended(run_dir: Path) -> Ended:
    """Wait until a launched run is over. Raises `NotLaunchedError`."""
    pause_s = PAUSE_FIRST_S
    while True:
        state = state_of(run_dir)
        match state:
            case Exited() | Lost():
                return state
            case Absent() | Prepared():
                raise NotLaunchedError(f"{run_dir.name} was never launched")
            case Alive(identity):
                if identity is None or not await gone(identity):
                    await asyncio.sleep(pause_s)
                    pause_s = min(pause_s * 2, PAUSE_MAX_S)


async def gone(identity: ShimIdentity) -> bool:
    """Wait for a shim's death; False at once where it is not there any more."""
    loop = asyncio.get_running_loop()
    with _opened(identity) as pidfd:
        if pidfd is None:
            return False
        death = loop.create_future()
        loop.add_reader(pidfd, _settle, death)
        try:
            await death
        finally:
            loop.remove_reader(pidfd)
    return True


def _settle(death: asyncio.Future[None]) -> None:
    if not death.done():
        death.set_result(None)


@contextmanager
def _opened(identity: ShimIdentity) -> Iterator[int | None]:
    """Open the shim's pidfd, if that process is the shim and has not ended.

    A zombie has: where nobody buries orphans, as in a container without an init, it
    would stay for ever.
    """
    try:
        pidfd = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        yield None
        return
    try:
        same_process = start_ticks(identity.pid) == identity.start_ticks
        is_shim = same_process and identity.boot_id == boot_id()
        yield pidfd if is_shim and not _has_ended(pidfd) else None
    finally:
        os.close(pidfd)


def _has_ended(pidfd: int) -> bool:
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    return bool(poller.poll(0))


def tell(run_dir: Path, *signals: signal.Signals) -> bool:
    """Signal a run's shim, by its identity or else by its mark. Whether one was told.

    SIGTERM cancels the run, a second one skips the rest of the grace.
    """
    identity = read_identity(run_dir)
    if identity is not None:
        with _opened(identity) as pidfd:
            if pidfd is None:
                return False
            for number in signals:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(pidfd, number)
            return True
    starting = of_shim(RunId(run_dir.name))
    told = [send(pid, start, signals) for pid, start in starting.items()]
    return any(told)


async def cancel(run_dir: Path, grace_s: float) -> Ended:
    """End a living run; within ``grace_s`` + 8 s at the worst.

    The shim itself ends the tree by the grace it was launched with. It is hurried when
    ``grace_s`` has passed, and killed (its agent dies with it) when it does not answer;
    what is then left is for the nonce sweep. SIGCONT goes along, for a shim that was
    stopped. Raises `NotLaunchedError`, `StillThereError`.
    """
    for number, patience_s in (
        (signal.SIGTERM, grace_s),
        (signal.SIGTERM, PATIENCE_S),
        (signal.SIGKILL, KILLED_WITHIN_S),
    ):
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await _identified(run_dir)
                tell(run_dir, number, signal.SIGCONT)
                return await ended(run_dir)
    raise StillThereError(
        f"{run_dir.name}: its shim did not die within {KILLED_WITHIN_S} s"
    )


async def _identified(run_dir: Path) -> None:
    """Give a shim that is just starting the moment it needs to name itself."""
    pause_s, left = PAUSE_FIRST_S, 8
    while left and state_of(run_dir) == Alive(None):
        await asyncio.sleep(pause_s)
        pause_s, left = pause_s * 2, left - 1
