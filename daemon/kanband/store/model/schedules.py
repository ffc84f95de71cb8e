"""Schedules in memory."""

import msgspec

from kanban_ipc.control import NotFound
from kanband.core import cron, journal
from kanband.store import sayings
from kanband.store.model.adding import Adding
from kanband.store.schedules import key_of, zone_of
from kanband.store.values import NewSchedule, Schedule


class Schedules(Adding):
    """Schedules in memory."""

    def add_schedule(self, new: NewSchedule, *, now_ms: int) -> Schedule:
        self._world.schedules_made += 1
        made = Schedule(
            id=self._world.schedules_made,
            cron=new.cron,
            zone=new.zone,
            missed=new.missed,
            ticket=new.ticket,
            paused=False,
            next_at_ms=cron.next_ms(new.cron, zone_of(new.zone), now_ms),
            last_ticket_id=None,
            created_at_ms=now_ms,
        )
        self._world.schedules[made.id] = made
        self._world.note(
            journal.schedule_added(made.id, new.cron, new.zone, new.ticket.title),
            now_ms,
        )
        return made

    def pause_schedule(
        self, schedule_id: int, *, paused: bool, now_ms: int
    ) -> Schedule | NotFound:
        found = self._world.schedules.get(schedule_id)
        if found is None:
            return sayings.no_schedule(schedule_id)
        if found.paused == paused:
            return found
        coming = cron.next_ms(found.cron, zone_of(found.zone), now_ms)
        changed = msgspec.structs.replace(
            found, paused=paused, next_at_ms=None if paused else coming
        )
        self._world.schedules[schedule_id] = changed
        self._world.note(journal.schedule_paused(schedule_id, paused=paused), now_ms)
        return changed

    def remove_schedule(self, schedule_id: int, *, now_ms: int) -> Schedule | NotFound:
        found = self._world.schedules.pop(schedule_id, None)
        if found is None:
            return sayings.no_schedule(schedule_id)
        self._world.note(journal.schedule_removed(schedule_id), now_ms)
        return found

    def _fire(self, now_ms: int) -> int:
        due = [
            (each, each.next_at_ms)
            for each in self._world.schedules.values()
            if each.next_at_ms is not None and each.next_at_ms <= now_ms
        ]
        return sum(self._fire_one(each, at_ms, now_ms) for each, at_ms in due)

    def _fire_one(self, each: Schedule, at_ms: int, now_ms: int) -> bool:
        last = self._world.tickets.get(each.last_ticket_id or 0)
        what = cron.firing(
            each.cron,
            zone_of(each.zone),
            at_ms,
            now_ms,
            missed=each.missed,
            last=None if last is None else last.state,
        )
        number, skipped, woke = each.last_ticket_id, what.skipped, False
        if not skipped:
            key = key_of(each.id, what.due_ms)
            new = msgspec.structs.replace(each.ticket, key=key)
            outcome = self.add([new], ready=True, now_ms=now_ms)
            if outcome.refused:
                skipped = outcome.refused[0].reason
            else:
                number, woke = outcome.added[0].ticket.id, outcome.woke
        self._world.schedules[each.id] = msgspec.structs.replace(
            each, next_at_ms=what.next_ms, last_ticket_id=number
        )
        made = None if skipped else number
        self._world.note(
            journal.schedule_due(each.id, what.due_ms, made, skipped), now_ms
        )
        return woke
