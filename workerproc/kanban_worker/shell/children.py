"""The spawner's children: who lives, and which ends have not been collected.

Decided here: that one incarnation is started once, that a worker has one process at a
time, and that an end is kept until the daemon has said ``Collected``. Absent: the
fork, the socket.
"""

from collections.abc import Iterator
from typing import Final

from kanban_ipc.link import ProcessId
from kanban_ipc.spawning import Exited, Ready, Spawn, Spawned, SpawnFailed
from kanban_ipc.words import WorkerId

EXITS_KEPT_MAX: Final = 10_000
"""Ends nobody collects (no daemon for long, workers that leave by themselves): beyond
it the oldest are forgotten, and reported by the daemon as not observed."""


class Children:
    """Living workers by pid, and ends by incarnation."""

    def __init__(self) -> None:
        """Nobody."""
        self._living: dict[int, Spawned] = {}
        self._ends: dict[str, Exited] = {}

    def __len__(self) -> int:
        """How many live."""
        return len(self._living)

    @property
    def ends(self) -> Iterator[Exited]:
        """What is to be collected, oldest first."""
        return iter(tuple(self._ends.values()))

    @property
    def nothing_to_keep(self) -> bool:
        """No worker lives, and every end was collected."""
        return not self._living and not self._ends

    def answer_without_fork(self, wish: Spawn) -> Spawned | Exited | SpawnFailed | None:
        """What is known of this incarnation already; None: it is new, start it."""
        if wish.incarnation in self._ends:
            return self._ends[wish.incarnation]
        for child in self._living.values():
            if child.incarnation == wish.incarnation:
                return child
            if child.worker_id == wish.worker_id:
                return SpawnFailed(
                    worker_id=wish.worker_id,
                    incarnation=wish.incarnation,
                    reason=(
                        f"{wish.worker_id} still lives as process {child.process.pid} "
                        f"(incarnation {child.incarnation}); it must end first"
                    ),
                )
        return None

    def born(self, child: Spawned) -> None:
        """A fork succeeded."""
        self._living[child.process.pid] = child

    def died(
        self, pid: int, exit_code: int | None, signal: int | None
    ) -> Exited | None:
        """A child was reaped; None: it was no worker (an orphan that fell to us)."""
        child = self._living.pop(pid, None)
        if child is None:
            return None
        end = Exited(
            worker_id=child.worker_id,
            incarnation=child.incarnation,
            process=child.process,
            exit_code=exit_code,
            signal=signal,
        )
        self._ends[child.incarnation] = end
        while len(self._ends) > EXITS_KEPT_MAX:
            del self._ends[next(iter(self._ends))]
        return end

    def collected(self, incarnation: str) -> None:
        """The daemon has committed this end."""
        self._ends.pop(incarnation, None)

    def ready(self, process: ProcessId, program_version: str) -> Ready:
        """First words on a connection; the kept ends follow."""
        living: list[tuple[WorkerId, str, int]] = [
            (child.worker_id, child.incarnation, pid)
            for pid, child in self._living.items()
        ]
        return Ready(
            process=process,
            program_version=program_version,
            workers=tuple(living),
            exits=len(self._ends),
        )
