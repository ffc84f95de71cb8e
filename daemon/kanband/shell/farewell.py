"""Workers that are no more: forgotten by the store and by us, once nothing is left.

Decided here: when a worker that was scaled away, or a guest that has gone, may be
forgotten: proven ended, unwanted, and without a run. Absent: who is too many
(``core.roster``) and how one is stopped (``stopper``).
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from kanban_ipc.words import RunId, WorkerId
from kanband.shell.ledger import Ledger
from kanband.shell.member import Member
from kanband.shell.ports import Clock, Store
from kanband.shell.stopper import Stop
from kanband.store.errors import StoreError

_LOG: Final = logging.getLogger(__name__)
_FORGET_AGAIN_S: Final = 0.5


class Farewell:
    """Forgets members, behind the scenes where that takes its time."""

    def __init__(
        self,
        members: dict[str, Member],
        *,
        store: Store,
        clock: Clock,
        ledger: Ledger,
        holds: Callable[[WorkerId], Sequence[RunId]],
        broken: Callable[[BaseException], None],
    ) -> None:
        """``holds``: the live runs of a worker; ``broken`` is told of a bug."""
        self._members = members
        self._store = store
        self._clock = clock
        self._ledger = ledger
        self._holds = holds
        self._broken = broken
        self._tasks: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """What is not forgotten yet is found by the next start."""
        for task in self._tasks:
            task.cancel()

    async def guests(self) -> None:
        """Those that ended while no daemon was there, unless they have left runs."""
        gone = [
            member.worker_id
            for member in self._members.values()
            if member.row.guest
            and member.state == "EXITED"
            and not self._holds(member.worker_id)
        ]
        for name in gone:
            self._ledger.forget(name)
            del self._members[name]
        if gone:
            now_ms = self._clock.now_ms()
            await self._store.do(lambda verbs: verbs.drop_workers(gone, now_ms=now_ms))

    def later(self, stops: Sequence[Stop]) -> list[asyncio.Task[None]]:
        """Forget each worker once its stop is proven."""
        tasks = [
            asyncio.create_task(self._drop(stop, self._members[stop.worker_id]))
            for stop in stops
        ]
        for task in tasks:
            self._tasks.add(task)
            task.add_done_callback(self._dropped)
        return tasks

    def _dropped(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broken(error)

    async def _drop(self, stop: Stop, member: Member) -> None:
        """Forget a worker that was scaled away. What the store refuses now is tried
        again: that its disk is full is nobody's bug.
        """
        over = False
        while not over:
            try:
                await stop.proof(returns=False)
                over = await self._forget(member)
            except StoreError as error:
                _LOG.warning("%s is forgotten later: %s", member.worker_id, error)
                await asyncio.sleep(_FORGET_AGAIN_S)

    async def _forget(self, member: Member) -> bool:
        """If that is still wanted: a wish counts from when it begins to be committed,
        for it will be acted on. False: it is wanted, but a later start left runs.
        """
        name = member.worker_id
        current = self._members.get(name)
        if current is member:
            if member.state != "STOPPED" or member.row.wanted == "run":
                return True
            if self._holds(name):
                return False
            self._ledger.forget(name)
            del self._members[name]
        elif current is not None:
            return True
        now_ms = self._clock.now_ms()
        await self._store.do(lambda verbs: verbs.drop_workers([name], now_ms=now_ms))
        return True
