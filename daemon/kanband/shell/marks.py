"""How far runs are, on its way into the store: once a second, whatever was said.

Progress is told often and matters little: what was said last is kept, not what was said
between. It survives the daemon, because an agent may say it only once. A commit that
fails loses it; the next word of the agent makes up for it.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from kanban_ipc.words import RunId
from kanband.shell.ports import Store
from kanband.store.values import RunMark

EVERY_S: Final = 1.0
_LOG: Final = logging.getLogger(__name__)


class Marks:
    """The last word of each run that is not kept yet."""

    def __init__(self, store: Store) -> None:
        """Nothing waits."""
        self._store = store
        self._waiting: dict[RunId, RunMark] = {}
        self._timer: asyncio.TimerHandle | None = None

    def note(self, mark: RunMark) -> None:
        """Have it kept within ``EVERY_S``."""
        self._waiting[mark.run_id] = mark
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(EVERY_S, self.write)

    def take(self, run_ids: Iterable[RunId]) -> list[RunMark]:
        """What waits of these runs: it is kept together with their ends."""
        found = (self._waiting.pop(run_id, None) for run_id in run_ids)
        return [mark for mark in found if mark is not None]

    def write(self) -> None:
        """Have everything kept now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._waiting:
            return
        marks = list(self._waiting.values())
        self._waiting.clear()
        self._store.do(lambda verbs: verbs.mark(marks)).add_done_callback(_written)


def _written(done: asyncio.Future[None]) -> None:
    if not done.cancelled() and (error := done.exception()) is not None:
        _LOG.warning("the progress of runs could not be kept: %s", error)
