"""Workers' rows and plain notes in memory."""

from collections.abc import Sequence

import msgspec

from kanban_ipc.words import WorkerId
from kanband.core import journal
from kanband.store.model.part import Part
from kanband.store.values import Note, WorkerRow


class Workers(Part):
    """Workers' rows and plain notes in memory."""

    def put_workers(
        self, rows: Sequence[WorkerRow], notes: Sequence[Note], *, now_ms: int
    ) -> None:
        for row in rows:
            known = self._world.workers.get(row.worker_id)
            processed = 0 if known is None else known.tickets_processed
            self._world.workers[row.worker_id] = msgspec.structs.replace(
                row, tickets_processed=processed
            )
        self.note(notes, now_ms=now_ms)

    def drop_workers(self, worker_ids: Sequence[WorkerId], *, now_ms: int) -> None:
        for worker_id in worker_ids:
            assert all(run.worker_id != worker_id for run in self._world.live_runs()), (
                f"{worker_id} still holds a run; transfer it first"
            )
            if self._world.workers.pop(worker_id, None) is not None:
                self._world.note(journal.worker_dropped(worker_id), now_ms)

    def set_wanted_workers(self, count: int | None, *, now_ms: int) -> None:
        if count != self._world.wanted_workers:
            self._world.wanted_workers = count
            self._world.note(journal.workers_wanted(count), now_ms)

    def note(self, notes: Sequence[Note], *, now_ms: int) -> None:
        for one in notes:
            assert one.type not in journal.TRANSITIONS, "a note is no transition"
            entry = journal.Entry(one.sender, one.type, one.ticket_id, one.payload)
            self._world.note(entry, now_ms)

    def prune_journal(self, up_to: int) -> int:
        head = len(self._world.journal)
        base = max(self._world.journal_base, min(up_to, head - 1))
        self._world.journal_base = base
        return base
