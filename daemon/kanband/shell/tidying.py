"""``gc`` by itself, where ``[gc]`` says how often.

Decided here: that nothing goes before a daemon has run for a while (who has made a
mistake in the configuration has time to see it), that it is said in the log what went,
and that what cannot be freed now is tried the next time. A new configuration counts at
once. Absent: what is needed and what goes (``methods.gc``).
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from kanban_ipc.control import GcCall, GcReply
from kanband.config import Config
from kanband.shell.methods.gc import gc
from kanband.shell.ports import Daemon
from kanband.store.errors import StoreError

FIRST_S: Final = 600.0
"""After the start."""
_MIB: Final = 1 << 20
_LOG: Final = logging.getLogger(__name__)


class Tidying:
    """Waits for its time; nothing is looked at meanwhile."""

    def __init__(
        self, daemon: Daemon, now: Callable[[], float], first_s: float = FIRST_S
    ) -> None:
        """``now``: monotonic seconds."""
        self._daemon = daemon
        self._now = now
        self._first_at = now() + first_s
        self._last_at: float | None = None
        self._reloaded = asyncio.Event()

    def reloaded(self) -> None:
        """Another configuration is in force."""
        self._reloaded.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            self._reloaded.clear()
            try:
                async with asyncio.timeout(self._left_s()):
                    await self._reloaded.wait()
            except TimeoutError:
                await self._tidy()

    def _left_s(self) -> float | None:
        every_s = self._daemon.config.gc.every_s
        if every_s == 0:
            return None
        due_at = self._first_at
        if self._last_at is not None:
            due_at = self._last_at + every_s
        return max(due_at - self._now(), 0.0)

    async def _tidy(self) -> None:
        try:
            _say(await gc(self._daemon, _call(self._daemon.config)))
        except (StoreError, OSError) as error:
            _LOG.warning("gc was not done, and is tried again in its time: %s", error)
        self._last_at = self._now()


def _call(config: Config) -> GcCall:
    keep = config.gc
    return GcCall(
        dry_run=False,
        keep_s=keep.keep_s,
        keep_bytes=keep.keep_mib * _MIB or None,
    )


def _say(reply: GcReply) -> None:
    for each in reply.kept:
        _LOG.debug("gc left %s: %s", each.path, each.reason)
    if reply.freed or reply.journal_entries:
        fields = {
            "things": len(reply.freed),
            "bytes": reply.freed_bytes,
            "journal_entries": reply.journal_entries,
            "kept": len(reply.kept),
        }
        _LOG.info("gc freed what is needed no more", extra={"fields": fields})
