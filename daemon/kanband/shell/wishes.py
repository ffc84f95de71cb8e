"""What is wanted of workers, made durable.

Decided here: that a wish is committed before it is acted on, with the number of workers
that it leads to when a person has it, and that a wish the store refuses was never had.
Absent: acting on it.
"""

from collections.abc import Callable, MutableMapping, Sequence

from msgspec.structs import replace

from kanban_ipc.words import WorkerId
from kanband.core import roster, workers
from kanband.core.workers import Wanted
from kanband.shell.crew import Ground
from kanband.shell.member import Member
from kanband.store.values import Note, WorkerRow
from kanband.store.verbs import Verbs

Change = Callable[[WorkerRow], WorkerRow]


def seats(members: MutableMapping[str, Member]) -> list[roster.Seat]:
    """The members, as ``core.roster`` counts them."""
    return [
        roster.Seat(
            m.worker_id,
            m.row.wanted,
            alive=m.state in workers.ALIVE,
            # A guest counts for no number either: it is not ours to take or to stop.
            restricted=bool(
                m.row.agents or m.row.repo_path or m.row.labels or m.row.guest
            ),
        )
        for m in members.values()
    ]


class Wishes:
    """Changes of what is wanted; makes new members."""

    def __init__(
        self, members: MutableMapping[str, Member], ground: Ground, slots: int
    ) -> None:
        """``slots``: of a worker for which nothing else is said."""
        self._members = members
        self._ground = ground
        self._slots = slots

    async def commit(
        self,
        *,
        run: Sequence[WorkerId] = (),
        stop: Sequence[WorkerId] = (),
        change: Change = lambda row: row,
        person: bool = True,
    ) -> None:
        """Make it durable; raises what the store raises, and then nothing has changed.

        ``change`` is applied to the rows of those that are to run. ``person``: from
        now on the rows decide how many workers there are, not the configuration.
        """
        known = {n: self._members[n].row for n in (*run, *stop) if n in self._members}
        for name in (*run, *stop):
            wanted: Wanted = "run" if name in run else "stop"
            self._want(name, wanted, change if name in run else _unchanged)
        try:
            await self._put([*run, *stop], person=person)
        except BaseException:
            for name in (*run, *stop):
                if name not in known:
                    del self._members[name]
                else:
                    self._want(name, known[name].wanted, _unchanged)
            raise

    async def resize(self, before: int, slots: int) -> None:
        """Other ``slots``, also for those workers that were made with ``before`` and
        told nothing else; each takes them at its next start.
        """
        if slots == before:
            return
        found = [m for m in self._members.values() if m.row.slots == before]
        rows = [replace(member.row, slots=slots) for member in found]
        now_ms = self._ground.clock.now_ms()
        if rows:
            await self._ground.store.do(
                lambda verbs: verbs.put_workers(rows, [], now_ms=now_ms)
            )
        for member in found:
            member.row = replace(member.row, slots=slots)
        self._slots = slots

    def _want(self, name: WorkerId, wanted: Wanted, change: Change) -> None:
        if name not in self._members:
            row = WorkerRow(worker_id=name, wanted="stop", slots=self._slots)
            self._members[name] = Member(row, self._ground)
        member = self._members[name]
        member.row = change(replace(member.row, wanted=wanted))

    async def _put(self, names: Sequence[WorkerId], *, person: bool) -> None:
        rows = [self._members[name].row for name in names]
        own = (m.row for m in self._members.values() if not m.row.guest)
        number = sum(row.wanted == "run" for row in own)
        notes = [_note(row) for row in rows] if person else []
        now_ms = self._ground.clock.now_ms()

        def put(verbs: Verbs) -> None:
            verbs.put_workers(rows, notes, now_ms=now_ms)
            if person:
                verbs.set_wanted_workers(number, now_ms=now_ms)

        if rows or person:
            await self._ground.store.do(put)


def _unchanged(row: WorkerRow) -> WorkerRow:
    return row


def _note(row: WorkerRow) -> Note:
    return Note(
        sender="user",
        type="worker_wanted",
        payload={"worker_id": row.worker_id, "wanted": row.wanted},
    )
