"""Restarting several workers one after the other, so that slots stay served.

Decided here: the next one's turn comes when the one before has said hello again; where
one does not come up, the others are left as they are, for what keeps it down would keep
them down, too. Absent: how one is stopped (``stopper``).
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from kanban_ipc.control import StopProof
from kanban_ipc.words import WorkerState
from kanband.core import workers
from kanband.shell.crew import Ground
from kanband.shell.member import Member

STARTED: Final[frozenset[WorkerState]] = workers.AT_REST | {"STOPPED"}
"""What a start waits for: it runs, or it will not without a person, or it was stopped
meanwhile."""


class Rolling:
    """Goes on when whoever asked for it does not wait any more."""

    def __init__(self, ground: Ground, broken: Callable[[BaseException], None]) -> None:
        """``broken`` is told of a bug."""
        self._ground = ground
        self._broken = broken
        self._tasks: set[asyncio.Task[list[StopProof]]] = set()

    def begin(self, members: Sequence[Member]) -> asyncio.Task[list[StopProof]]:
        """All of them are wanted. Gives the proofs of those that were restarted."""
        task = asyncio.create_task(self._restart(members))
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def close(self) -> None:
        """The rest is left as it is."""
        for task in self._tasks:
            task.cancel()

    async def _restart(self, members: Sequence[Member]) -> list[StopProof]:
        proofs = []
        for member in members:
            # Since it was asked for, somebody may have stopped it, or everything.
            if self._ground.leaving or member.row.wanted == "stop":
                continue
            stop = None
            if member.state in workers.ALIVE:
                stop = member.stopping(now=False)
            member.restart()
            if stop is not None:
                proofs.append(await stop.proof(returns=True))
            await member.until(STARTED)
            if member.state in {"FATAL", "UNKNOWN"}:
                break
        return proofs

    def _done(self, task: asyncio.Task[list[StopProof]]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broken(error)
