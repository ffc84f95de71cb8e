"""Committing the cancellation of a live run, and ending those that are committed."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from kanband.shell.ports import Daemon
from kanband.store.values import Cancelling
from kanband.store.verbs import Verbs

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


class _OverAlready(Exception):
    """Undoes what was to be done to a live run."""


async def wish_end(daemon: Daemon, ticket_id: int) -> Cancelling | None:
    """Commit that a ticket's live run is to be cancelled. None: it has none any more,
    and nothing was changed: what the run came to is not thrown away for it.
    """
    now_ms = daemon.clock.now_ms()

    def if_live(verbs: Verbs) -> Cancelling:
        (answer,) = verbs.cancel([ticket_id], requeue=False, now_ms=now_ms)
        if isinstance(answer, Cancelling):
            return answer
        raise _OverAlready

    try:
        return await daemon.store.do(if_live)
    except _OverAlready:
        return None


def unattended(work: Coroutine[Any, Any, Any]) -> None:
    """Do it, and do not wait."""
    task = asyncio.get_running_loop().create_task(work)
    _UNATTENDED.add(task)
    task.add_done_callback(_UNATTENDED.discard)


async def _awaited(work: "asyncio.Future[Any]") -> None:
    await work
