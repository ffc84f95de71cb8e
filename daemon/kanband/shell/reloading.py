"""``reload``: another configuration for a running daemon, or none of it.

Decided here: that it is read and checked whole before anything changes, one reload at
a time; that a store which refuses leaves the old one in force; and that runs under way
keep the ``Terms`` they were begun with. What can change is in ``config.difference``.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from kanban_ipc.control import ConfigChange, ReloadReply
from kanban_ipc.words import Applies
from kanband.config import Change, Config, Mode, difference, take_over
from kanband.errors import ConfigError
from kanband.shell.ports import Clock, Fleet, Runs, Store
from kanband.shell.profiles import Profiles

_PATIENCE_S: Final = 5.0
"""A file on a dead network file system is never read; nobody shall wait for it."""
_LOG: Final = logging.getLogger(__name__)


class Reloading:
    """Takes the configuration over."""

    def __init__(
        self,
        *,
        read: Callable[[], Config],
        profiles: Profiles,
        fleet: Fleet,
        runs: Runs,
        store: Store,
        clock: Clock,
    ) -> None:
        """``read``: all sources again, as at the start; raises ``ConfigError``."""
        self._read = read
        self._profiles = profiles
        self._fleet = fleet
        self._runs = runs
        self._store = store
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()

    async def reload(self) -> ReloadReply:
        """See ``ports.Daemon``."""
        async with self._one_at_a_time:
            try:
                wanted = await self._wanted()
            except ConfigError as error:
                raise ConfigError(
                    f"nothing was changed, the configuration in force goes on:\n{error}"
                ) from error
            before = self._profiles.config
            changes = difference(before, wanted)
            notes = await self._take(before, take_over(before, wanted))
        for change in changes:
            fields = {"key": ".".join(change.key), "applies": change.applies}
            _LOG.info("configuration changed", extra={"fields": fields})
        _LOG.info("reloaded", extra={"fields": {"changes": len(changes)}})
        file = wanted.config_file
        return ReloadReply(
            config_file=None if file is None else str(file),
            changes=[_told(change) for change in changes],
            notes=[*notes, *_advice(changes, before.mode)],
        )

    async def _wanted(self) -> Config:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await asyncio.to_thread(self._read)
        except TimeoutError:
            raise ConfigError(
                f"the configuration could not be read within {_PATIENCE_S:g} s; is its "
                "disk away?"
            ) from None

    async def _take(self, before: Config, after: Config) -> list[str]:
        policy = self._profiles.claim_policy
        self._profiles.take(after)
        try:
            if self._profiles.claim_policy != policy:
                now_ms = self._clock.now_ms()
                await self._store.do(lambda verbs: verbs.unpark(now_ms=now_ms))
            notes = await self._fleet.reconfigure(after)
        except BaseException:
            self._profiles.take(before)
            raise
        self._runs.wake()
        return notes


def _told(change: Change) -> ConfigChange:
    return ConfigChange(
        key=".".join(change.key),
        before=change.before,
        after=change.after,
        applies=change.applies,
    )


_NEXT_START: Final[dict[Mode, str]] = {
    "managed": "to have it now: kanbanctl restart-worker --all",
    "standalone": "to have it now, start them anew where they were started",
    "inline": "in inline mode that is the daemon's own; runs go on meanwhile",
}


def _advice(changes: Sequence[Change], mode: Mode) -> list[str]:
    """What is left for a person to do."""
    later: dict[Applies, list[str]] = {}
    for change in changes:
        later.setdefault(change.applies, []).append(".".join(change.key))
    advice = []
    if keys := later.get("next_start"):
        advice.append(
            f"{', '.join(keys)}: a worker takes it at its next start; "
            f"{_NEXT_START[mode]}"
        )
    if keys := later.get("restart"):
        advice.append(
            f"{', '.join(keys)}: as before until the daemon is started anew; runs go "
            "on meanwhile: kanbanctl shutdown --keep-workers, then start it again "
            "(systemctl --user restart kanband)"
        )
    return advice
