"""``add`` in memory."""

from collections.abc import Mapping, Sequence

from kanban_ipc.control import NewTicket, Refusal
from kanband.core import journal
from kanband.core.intake import flaw
from kanband.core.priority import band, resolve
from kanband.store import sayings
from kanband.store.adding import MAX_RETRIES
from kanband.store.model.part import Part
from kanband.store.model.world import BoardRecord, TicketRecord
from kanband.store.values import Added, AddOutcome


class Adding(Part):
    """``add`` in memory."""

    def add(
        self, tickets: Sequence[NewTicket], *, ready: bool, now_ms: int
    ) -> AddOutcome:
        planned: dict[int, TicketRecord] = {}
        keys = dict(self._world.keys)
        ids: list[int] = []
        refused: list[Refusal] = []
        for index, new in enumerate(tickets):
            if new.key in keys:
                ids.append(keys[new.key])
                continue
            number = self._world.tickets_made + len(planned) + 1
            answer = self._plan(number, new, planned, keys, now_ms)
            if isinstance(answer, str):
                refused.append(Refusal(index=index, title=new.title, reason=answer))
                continue
            planned[number] = answer
            ids.append(number)
            if new.key is not None:
                keys[new.key] = number
        if refused:
            return AddOutcome(added=[], refused=refused, woke=False)
        named = dict.fromkeys(ticket.new.board for ticket in planned.values())
        boards = [name for name in named if name not in self._world.boards]
        for ticket in planned.values():
            self._insert(ticket, ready, now_ms)
        self._world.keys = keys
        first = {number: place for place, number in reversed(list(enumerate(ids)))}
        return AddOutcome(
            added=[
                Added(
                    ticket=self._world.shown(self._world.tickets[number]),
                    created=number in planned and first[number] == place,
                )
                for place, number in enumerate(ids)
            ],
            refused=[],
            boards=boards,
            woke=any(ticket.claimable for ticket in planned.values()),
        )

    def _plan(
        self,
        number: int,
        new: NewTicket,
        planned: Mapping[int, TicketRecord],
        keys: Mapping[str, int],
        now_ms: int,
    ) -> TicketRecord | str:
        reason = flaw(new)
        if reason is not None:
            return reason
        numbers = set(new.depends_on)
        for key in new.depends_on_keys:
            if key not in keys:
                return sayings.unknown_key(key)
            numbers.add(keys[key])
        known = {**self._world.tickets, **planned}
        for on in sorted(numbers):
            if on not in known:
                return sayings.unknown_dependency(on)
        word, priority_number = resolve(new.priority, new.priority_number)
        retries = MAX_RETRIES if new.max_retries is None else new.max_retries
        return TicketRecord(
            id=number,
            new=new,
            state="backlog",
            band=band(word),
            priority_number=priority_number,
            depends={on: known[on].state == "completed" for on in numbers},
            max_retries=retries,
            created_at_ms=now_ms,
            updated_at_ms=now_ms,
            state_changed_at_ms=now_ms,
        )

    def _insert(self, ticket: TicketRecord, ready: bool, now_ms: int) -> None:
        new = ticket.new
        self._world.tickets[ticket.id] = ticket
        self._world.tickets_made = ticket.id
        self._world.boards.setdefault(new.board, BoardRecord())
        if ready:
            ticket.state = "ready"
            self._wait(ticket, new.scheduled_at_ms, now_ms)
        self._world.note(
            journal.created(
                ticket.id, ticket.state, new.title, new.board, ticket.due_at_ms
            ),
            now_ms,
        )
