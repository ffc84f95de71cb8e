"""One run in a worker's hand: what its course and its orders both look at.

Decided here: nothing. The stage moves forward only; an order and a drop may come at
any moment from the link, and the course looks for them before each step.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias, TypeVar

from kanban_ipc.link import Assign
from kanban_ipc.words import FailureClass
from kanban_worker.core.outbox import RunBox
from kanban_worker.git.command import Git, Interrupted
from kanban_worker.shell import attach
from kanban_worker.shell.launch import DirectLauncher, SystemdLauncher
from kanban_worker.shell.persistence import persist
from kanban_worker.shell.preparing import Places
from kanban_worker.shell.runlog import RunLog
from kanban_worker.shell.voice import Voice

T = TypeVar("T")
Stage: TypeAlias = Literal["preparing", "running", "finishing", "finished"]
PAUSE_S: Final = 2.0


class Shared(NamedTuple):
    """What all runs of a worker have in common."""

    places: Places
    launcher: DirectLauncher | SystemdLauncher
    own_env: Mapping[str, str]


class Hand:
    """See the module."""

    def __init__(
        self, assign: Assign, shared: Shared, voice: Voice, box: RunBox
    ) -> None:
        """``box``: for the run's reliable messages."""
        self.assign = assign
        self.shared = shared
        self.voice = voice
        self.box = box
        self.run_dir = Path(assign.run_dir)
        self.log = RunLog(self.run_dir)
        self.git = Git()
        self.stage: Stage = "preparing"
        self.root_pid = 0
        """The shim's, while it lives."""
        self.order: FailureClass | None = "cancelled" if assign.cancel else None
        self.dropped = False
        self._ending: asyncio.Task[None] | None = None

    def stop_if_ordered(self) -> None:
        """Raises ``Interrupted``."""
        if self.order is not None or self.dropped:
            raise Interrupted("stopped by order")

    def stop_if_dropped(self) -> None:
        """Raises ``Interrupted``."""
        if self.dropped:
            raise Interrupted("dropped")

    def interrupt(self, grace_s: float) -> None:
        """Carry out an order at the step that the run is at."""
        if self.stage == "preparing" or self.dropped:
            self.git.interrupt()
        if self.stage == "running":
            self.tell(grace_s)

    def tell(self, grace_s: float) -> None:
        """Have the living shim end the run."""
        if self._ending is None or self._ending.done():
            loop = asyncio.get_running_loop()
            self._ending = loop.create_task(self._end_shim(grace_s))

    async def _end_shim(self, grace_s: float) -> None:
        try:
            await attach.cancel(self.run_dir, grace_s)
        except attach.NotLaunchedError:
            return  # the course sees the order before it launches
        except attach.StillThereError as error:
            self.voice.say("error", "A run does not end", error=error)

    def trouble(self, what: str, error: Exception, pause_s: float) -> None:
        """Say that it will be tried again. Raises ``Interrupted`` when it need not."""
        self.stop_if_dropped()
        text = f"{what} failed, trying again"
        ticket_id = self.assign.work.ticket_id
        self.voice.say("error", text, taskId=ticket_id, error=error, in_s=pause_s)

    async def persist(
        self, what: str, function: Callable[[], T], *, whatever: bool = False
    ) -> T:
        """``persistence.persist``, with every failure told."""

        def trouble(error: Exception, pause_s: float) -> None:
            self.trouble(what, error, pause_s)

        return await persist(function, trouble, whatever=whatever)
