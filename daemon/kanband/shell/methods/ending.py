"""Ending live runs whose cancellation is committed."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from kanband.shell.ports import Daemon
from kanband.store.values import Cancelling

_UNATTENDED: Final[set[asyncio.Task[Any]]] = set()
"""Work that nobody waits for; the loop itself holds its tasks weakly."""


async def end_runs(
    daemon: Daemon, endings: Sequence[Cancelling], *, wait: bool
) -> None:
    """End the runs; with ``wait`` return when their results are settled."""
    work = asyncio.gather(
        *(daemon.runs.cancel(each.run_id, each.epoch, "cancelled") for each in endings)
    )
    if wait:
        await work
    else:
        unattended(_awaited(work))


def unattended(work: Coroutine[Any, Any, Any]) -> None:
    """Do it, and do not wait."""
    task = asyncio.get_running_loop().create_task(work)
    _UNATTENDED.add(task)
    task.add_done_callback(_UNATTENDED.discard)


async def _awaited(work: "asyncio.Future[Any]") -> None:
    await work
