"""Whether claims were made in order, read from the journal alone.

The journal is played back over what is known of the tickets; each ``task_assign`` is
held against everything that could have been claimed at that moment.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kanban_ipc.control import Event, Ticket
from kanband.core.priority import band


class Order(NamedTuple):
    """What a playback found."""

    wrong: list[str]
    claims: int
    passed_over_max: int
    """How often one ticket was left for a younger one though it could be taken."""


class _Playback:
    """What could be claimed, kept as it changes: a look at all of ten thousand tickets
    for each of as many claims would take minutes.
    """

    def __init__(self, tickets: Mapping[int, Ticket], limit: int) -> None:
        self.tickets = tickets
        self.limit = limit
        self.ready: set[int] = set()
        self.busy: Counter[str | None] = Counter()
        self._unmet = {one.id: set(one.depends_on) for one in tickets.values()}
        self._dependents: defaultdict[int, list[int]] = defaultdict(list)
        for one in tickets.values():
            for dependency in one.depends_on:
                self._dependents[dependency].append(one.id)
        self._open: set[int] = set()
        """Ready, and all that it depends on is completed."""

    def claimable(self) -> list[Ticket]:
        return [
            ticket
            for ticket in map(self.tickets.__getitem__, self._open)
            if ticket.repo_path is None or self.busy[ticket.repo_path] < self.limit
        ]

    def read(self, event: Event) -> None:
        if event.ticket_id is None:
            return
        repo = self.tickets[event.ticket_id].repo_path
        to = event.payload.get("to")
        if event.type == "task_assign":
            self.busy[repo] += 1
        elif event.type == "run_finished":
            self.busy[repo] -= 1
        if to == "ready":
            self.ready.add(event.ticket_id)
        elif to is not None:
            self.ready.discard(event.ticket_id)
        self._reopen(event.ticket_id)
        if to == "completed":
            for dependent in self._dependents[event.ticket_id]:
                self._unmet[dependent].discard(event.ticket_id)
                self._reopen(dependent)

    def _reopen(self, number: int) -> None:
        if number in self.ready and not self._unmet[number]:
            self._open.add(number)
        else:
            self._open.discard(number)


def check_order(
    events: Sequence[Event], tickets: Sequence[Ticket], *, limit: int, bound: int
) -> Order:
    """Priority, then age; every so-many-th claim the oldest; no limit exceeded."""
    play = _Playback({one.id: one for one in tickets}, limit)
    wrong: list[str] = []
    passed_over: Counter[int] = Counter()
    claims = 0
    for event in events:
        if event.type == "task_assign":
            claims += 1
            could = play.claimable()
            oldest = claims % bound == 0
            best = min(
                could,
                key=lambda one: (0 if oldest else band(one.priority), one.id),
                default=None,
            )
            if best is None or best.id != event.ticket_id:
                right = "none" if best is None else best.id
                wrong.append(f"claim {claims} took {event.ticket_id}, not {right}")
            passed_over.update(
                one.id for one in could if event.ticket_id and one.id < event.ticket_id
            )
        play.read(event)
    return Order(wrong, claims, max(passed_over.values(), default=0))
