"""Workers replaced between two runs: one at a time, and never one with a run.

Theory. A worker that is *due* has a reason: it runs another version than the daemon,
say. As soon as it has no run it is asked to leave, and started again under its id;
while one is on its way the others work on. One that is busy is *spared* meanwhile: it
gets further runs beside those it has, but none once it is empty, so that the moment
between two runs is not missed. With overlapping runs there may be no such moment: who
has waited for ``PATIENCE_S`` gets nothing more at all, one worker at a time.

Decided here: who is due, who is next, and that nobody is as long as the last one
replaced has not come up: a version that cannot start shall cost one worker, not all.
Absent: the steps of leaving and of starting (``member``).
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from kanban_ipc.version import VERSION
from kanban_ipc.words import WorkerId
from kanband.shell.crew import Ground
from kanband.shell.live import Spared
from kanband.shell.member import Member

PATIENCE_S: Final = 300.0
"""Most runs are shorter, and one slot that waits for an hour's run is no price for a
version that may as well come tomorrow."""
_LOG: Final = logging.getLogger(__name__)


class Renewal:
    """The fleet's care for what is to be replaced."""

    def __init__(self, members: Mapping[str, Member], ground: Ground) -> None:
        """``members`` is looked at anew each time; nothing happens before ``begin``."""
        self._members = members
        self._ground = ground
        self._begun = False
        self._asked = False
        self._replacing: WorkerId | None = None
        self._due_since: dict[WorkerId, float] = {}
        self._tried: set[tuple[WorkerId, str]] = set()

    def begin(self) -> None:
        """All workers are known, and there is a spawner or soon will be."""
        self._begun = True
        self.soon()

    def soon(self) -> None:
        """Something has changed: a hello, a run's end."""
        if self._begun and not self._asked:
            self._asked = True
            asyncio.get_running_loop().call_soon(self.look)

    def why(self, member: Member) -> str:
        """Why a worker is to be replaced; empty: it is not. For people, too."""
        if member.row.guest or member.wanted != "run" or member.state != "RUNNING":
            return ""
        if member.recycles:
            # Its next start is of our version as it is.
            return ""
        runs = self._ground.dispatch.version(member.worker_id)
        if runs is None or runs == VERSION or (member.worker_id, runs) in self._tried:
            return ""
        return f"it runs version {runs}, the daemon is of {VERSION}"

    # ---------------------------------------------------------------- the decision

    def look(self) -> None:
        """Replace the next one, if there is one and its turn has come."""
        self._asked = False
        if self._ground.leaving:
            return
        due = [member for member in self._members.values() if self.why(member)]
        now = self._ground.clock.monotonic()
        since = self._due_since
        self._due_since = {m.worker_id: since.get(m.worker_id, now) for m in due}
        if not self._may_go_on():
            self._spare([])
            return
        dispatch = self._ground.dispatch
        idle = [m for m in due if not dispatch.live_runs(m.worker_id)]
        if idle:
            self._replace(idle[0])
            return
        self._spare(due)

    def _may_go_on(self) -> bool:
        """Whether the last one replaced has come up, and the next one could."""
        member = self._members.get(self._replacing or "")
        if member is None or member.wanted != "run" or member.state == "RUNNING":
            self._replacing = None
        return self._replacing is None and self._ground.spawner.pid is not None

    def _replace(self, member: Member) -> None:
        name = member.worker_id
        _LOG.info("%s is replaced: %s", name, self.why(member))
        runs = self._ground.dispatch.version(name)
        if runs is not None and runs != VERSION:
            # Should what is installed be no other: once is enough.
            self._tried.add((name, runs))
        self._replacing = name
        member.stopping(now=False)
        member.restart()

    def _spare(self, due: list[Member]) -> None:
        """Let the busy ones run empty, and the others take what comes."""
        dispatch = self._ground.dispatch
        names = {member.worker_id for member in due}
        overdue = self._longest_due(due)
        for member in self._members.values():
            name = member.worker_id
            how: Spared = "when_empty" if name in names else "not"
            dispatch.spare(name, "wholly" if name == overdue else how)

    def _longest_due(self, due: list[Member]) -> WorkerId | None:
        if not due:
            return None
        name = min(due, key=lambda m: self._due_since[m.worker_id]).worker_id
        waited_s = self._ground.clock.monotonic() - self._due_since[name]
        return name if waited_s >= PATIENCE_S else None
