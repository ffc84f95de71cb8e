"""The history checker: whether journal, tickets and runs tell one lawful story.

Theory. Folding the journal gives every ticket's state, epoch and lease; each entry is
held against what the fold knows so far, and at the end the fold against the rows. What
is wrong is reported with the number of the invariant it breaks (ARCHITECTURE.md):

1. no ticket lost, none invented; 2. one live lease per ticket, epochs increase;
3. a stale epoch changes nothing; 4. terminal states absorb, unless a user reopens;
5. the journal is gap-free, its transitions legal, and its fold is what the rows say;
6. the same key is the same ticket; 7. attempts within budget, losses in a row as well,
never before the due time, nor before what it depends on was completed; 8. nothing
begins for an agent whose provider cools down; 10. after an acknowledged cancel no
assignment, and no other end than cancelled; 11. one run for each claim, and at most one
of them finished in a round of work (a user's move to Ready begins a new round).

Above a pruned base the fold takes a ticket's first appearance as given. Pure, and one
function for tests, simulation and ``kanbanctl doctor``.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from kanban_ipc.control import Event, Run, Ticket
from kanband.core.journal import Scalar
from kanband.core.retries import RULES, RetryPolicy
from kanband.core.tickets import SYSTEM, USER

_TERMINAL: Final = frozenset(("completed", "cancelled"))
_LEGAL: Final = frozenset(
    (by_user, source, target)
    for by_user, table in ((False, SYSTEM), (True, USER))
    for source, targets in table.items()
    for target in targets
)
"""(by a user, from, to)."""
_COUNTED: Final = frozenset(
    failure for failure, rule in RULES.items() if rule == "counted"
)
_LOST: Final = frozenset(failure for failure, rule in RULES.items() if rule == "lost")
_LOSSES_MAX: Final = RetryPolicy().lost_in_a_row_max
_AT_ONCE: Final = frozenset(
    failure for failure, rule in RULES.items() if rule == "at once"
)
"""They end no row of losses."""


class Violation(msgspec.Struct, frozen=True):
    """One broken invariant."""

    invariant: int
    ticket_id: int | None
    seq: int | None
    """Of the journal; None: found in the rows at the end."""
    text: str


class _Told(msgspec.Struct):
    """A ticket as the journal tells it so far."""

    state: str | None
    epoch: int | None = 0
    lease: tuple[str, int] | None = None
    """(run, epoch)."""
    whole: bool = True
    """False: its beginnings were pruned, and what is not known is not judged."""
    due_at_ms: int | None = None
    cancelled: bool = False
    """A cancel was acknowledged while it ran."""
    finished: int = 0
    failed: int = 0
    """Counted failures; both since the round began."""
    runs: list[str] = []
    """Those that were assigned."""
    losses: int = 0
    """Of worker or host, in a row."""
    done: bool = False
    """It was completed once: what depends on it may begin."""
    relinked: bool = False
    """An edit changed what it depends on; the row tells only the last of it."""


class _Fold:
    """Reads the journal entry by entry."""

    def __init__(
        self, base: int, max_retries: Mapping[int, int], rows: Mapping[int, Ticket]
    ) -> None:
        self.base = base
        self.max_retries = dict(max_retries)
        """As it was at the entry that is read: an edit may change it."""
        self.rows = rows
        self.tickets: dict[int, _Told] = {}
        self.deleted: set[int] = set()
        self.runs: dict[str, str | None] = {}
        """Every run assigned, and the status it ended with."""
        self.found: list[Violation] = []
        self._cooling: dict[str, int] = {}
        """Until when, by provider."""
        self._next = base + 1
        self._readers: dict[str, Callable[[Event, _Told], None]] = {
            "task_assign": self._assign,
            "state_change": self._change,
            "task_failed": self._change,
            "run_started": self._held,
            "run_transferred": self._held,
            "run_finished": self._finish,
            "cancel_wanted": self._cancel,
            "stale_result": self._stale,
            "task_due": self._due,
            "task_edited": self._edit,
            "task_deleted": self._delete,
        }

    def read(self, event: Event) -> None:
        if event.seq != self._next:
            self._wrong(5, event, f"the journal has a gap before {event.seq}")
        self._next = event.seq + 1
        if event.type == "task_created":
            self._create(event)
            return
        if event.type in ("provider_cooling", "provider_warm"):
            self._cools(event)
            return
        reader = self._readers.get(event.type)
        if reader is None or event.ticket_id is None:
            return
        told = self._told(event)
        if told is not None:
            reader(event, told)

    def _cools(self, event: Event) -> None:
        provider = str(event.payload.get("provider"))
        self._cooling.pop(provider, None)
        if event.type == "provider_cooling":
            self._cooling[provider] = _number(event.payload.get("until_ms")) or 0

    def _told(self, event: Event) -> _Told | None:
        assert event.ticket_id is not None
        told = self.tickets.get(event.ticket_id)
        if event.ticket_id in self.deleted:
            self._wrong(1, event, f"{event.type} of a ticket that was deleted")
            return None
        if told is None and self.base:
            told = self.tickets[event.ticket_id] = _adopted(event)
        if told is None:
            self._wrong(1, event, f"{event.type} of a ticket that was never created")
        return told

    def _wrong(self, invariant: int, event: Event, text: str) -> None:
        self.found.append(Violation(invariant, event.ticket_id, event.seq, text))

    def _create(self, event: Event) -> None:
        state = event.payload.get("to")
        known = event.ticket_id in self.tickets or event.ticket_id in self.deleted
        if event.ticket_id is None or known:
            self._wrong(1, event, "a ticket was created twice, or without a number")
        elif state not in ("backlog", "ready"):
            self._wrong(5, event, f"a ticket was created {state}")
        else:
            due = _number(event.payload.get("due_at_ms"))
            self.tickets[event.ticket_id] = _Told(state=str(state), due_at_ms=due)

    def _assign(self, event: Event, told: _Told) -> None:
        epoch = _number(event.payload.get("epoch")) or 0
        if told.lease is not None:
            self._wrong(2, event, f"assigned while run {told.lease[0]} holds it")
        if told.epoch is not None and epoch != told.epoch + 1:
            self._wrong(2, event, f"epoch {epoch} follows {told.epoch}")
        if told.cancelled:
            self._wrong(10, event, "assigned after an acknowledged cancel")
        if told.due_at_ms is not None:
            self._wrong(7, event, f"assigned, but due only at {told.due_at_ms}")
        agent = event.payload.get("agent")
        provider = str(event.payload.get("provider", agent))
        if event.ts_ms < self._cooling.get(provider, 0):
            self._wrong(8, event, f"begun while its provider {provider} cools down")
        for number in () if told.relinked else self._unmet(event):
            self._wrong(7, event, f"assigned before {number}, which it depends on")
        self._step(event, told, "system")
        run_id = str(event.payload.get("run_id"))
        if run_id in self.runs:
            self._wrong(11, event, f"run {run_id} is assigned a second time")
        self.runs[run_id] = None
        told.runs.append(run_id)
        told.epoch, told.lease, told.whole = epoch, (run_id, epoch), True

    def _unmet(self, event: Event) -> list[int]:
        """Dependencies that were never completed, as far as the journal goes back."""
        row = self.rows.get(event.ticket_id or 0)
        known = self.tickets
        return [
            number
            for number in (row.depends_on if row is not None else ())
            if not self.base
            and number not in self.deleted
            and (number not in known or not known[number].done)
        ]

    def _change(self, event: Event, told: _Told) -> None:
        to = event.payload.get("to")
        if to == "working" and told.lease is None and told.whole:
            self._wrong(5, event, "working without a run")
        if told.lease is not None and to != "working":
            self._wrong(2, event, f"moved to {to} while run {told.lease[0]} holds it")
        self._step(event, told, event.sender)
        if told.cancelled and event.sender != "user" and to != "working":
            self._wrong(10, event, f"moved to {to} after an acknowledged cancel")
        if event.sender == "user":
            told.cancelled = to == "cancelled" and told.cancelled
            if to == "ready":
                told.finished = told.failed = told.losses = 0
        told.done |= to == "completed"
        told.due_at_ms = _number(event.payload.get("due_at_ms"))

    def _step(self, event: Event, told: _Told, sender: str) -> None:
        """A transition: from where the fold is, along an edge of the sender's table."""
        source, to = event.payload.get("from"), event.payload.get("to")
        if told.state not in (None, source):
            self._wrong(5, event, f"a step from {source}, but it is {told.state}")
        if (sender == "user", source, to) not in _LEGAL:
            invariant = 4 if source in _TERMINAL else 5
            self._wrong(
                invariant, event, f"{sender} may not step from {source} to {to}"
            )
        told.state = str(to)

    def _holds(self, event: Event, told: _Told) -> bool:
        run_id, epoch = event.payload.get("run_id"), event.payload.get("epoch")
        return told.lease == (run_id, epoch)

    def _held(self, event: Event, told: _Told) -> None:
        if not told.whole and told.lease is None:
            adopted = _adopted(event)
            told.lease, told.epoch = adopted.lease, adopted.epoch
        if not self._holds(event, told):
            self._wrong(3, event, f"{event.type} by a run that does not hold it")

    def _finish(self, event: Event, told: _Told) -> None:
        self._held(event, told)
        status, run_id = event.payload.get("status"), str(event.payload.get("run_id"))
        told.lease = None
        self.runs[run_id] = str(status)
        told.finished += status == "finished"
        failure = event.payload.get("failure")
        told.failed += status == "error" and failure in _COUNTED
        if failure not in _AT_ONCE:
            told.losses = told.losses + 1 if failure in _LOST else 0
        if told.losses > _LOSSES_MAX:
            self._wrong(7, event, f"{told.losses} losses in a row, and tried again")
        if told.finished > 1:
            self._wrong(11, event, "a second run finished in the same round of work")
        allowed = self.max_retries.get(event.ticket_id or 0)
        if allowed is not None and told.failed > allowed + 1:
            self._wrong(7, event, f"{told.failed} failed attempts, {allowed} retries")

    def _cancel(self, event: Event, told: _Told) -> None:
        self._held(event, told)
        told.cancelled = not event.payload.get("requeue")

    def _stale(self, event: Event, told: _Told) -> None:
        if self._holds(event, told):
            self._wrong(3, event, "the result of the run that holds it was refused")

    def _due(self, event: Event, told: _Told) -> None:
        early = told.due_at_ms is None or event.ts_ms < told.due_at_ms
        if early and told.whole and event.sender != "user":
            self._wrong(7, event, f"woken before its time {told.due_at_ms}")
        told.due_at_ms = None

    def _edit(self, event: Event, told: _Told) -> None:
        told.relinked |= "depends_on" in str(event.payload.get("fields"))
        if "due_at_ms" in event.payload:
            told.due_at_ms = _number(event.payload["due_at_ms"])
        allowed = _number(event.payload.get("max_retries"))
        if allowed is not None and event.ticket_id is not None:
            self.max_retries[event.ticket_id] = allowed
            # What failed under a larger budget may be followed by one more attempt:
            # the one that the ticket was ready for.
            told.failed = min(told.failed, allowed)

    def _delete(self, event: Event, told: _Told) -> None:
        assert event.ticket_id is not None
        if told.lease is not None:
            self._wrong(2, event, f"deleted while run {told.lease[0]} holds it")
        if told.state not in (None, event.payload.get("from")):
            self._wrong(5, event, f"deleted, but it is {told.state}")
        # Its rows are gone with it; those of runs before a pruned base too.
        for run_id in told.runs:
            del self.runs[run_id]
        del self.tickets[event.ticket_id]
        self.deleted.add(event.ticket_id)


def _first_max_retries(
    tickets: Sequence[Ticket], events: Sequence[Event]
) -> dict[int, int]:
    """What each ticket was allowed before the first edit of it that is known."""
    allowed: dict[int, int] = {}
    for event in events:
        before = _number(event.payload.get("max_retries_before"))
        if before is not None and event.ticket_id is not None:
            allowed.setdefault(event.ticket_id, before)
    return {ticket.id: ticket.max_retries for ticket in tickets} | allowed


def check(
    tickets: Sequence[Ticket],
    runs: Sequence[Run],
    events: Sequence[Event],
    *,
    base: int = 0,
) -> list[Violation]:
    """Everything that is wrong; empty when nothing is. Events from ``base + 1`` on."""
    rows = {ticket.id: ticket for ticket in tickets}
    fold = _Fold(base, _first_max_retries(tickets, events), rows)
    for event in events:
        fold.read(event)
    return [
        *fold.found,
        *_against_tickets(fold, tickets),
        *_against_runs(fold, tickets, runs),
    ]


def _against_tickets(fold: _Fold, tickets: Sequence[Ticket]) -> list[Violation]:
    rows = {ticket.id: ticket for ticket in tickets}
    found = [
        Violation(1, number, None, "it was deleted, and is there")
        for number in fold.deleted & rows.keys()
    ]
    for number, told in fold.tickets.items():
        row = rows.get(number)
        if row is None:
            found.append(Violation(1, number, None, "in the journal, but lost"))
            continue
        lease = None if told.lease is None else told.lease[0]
        for name, known, said, kept in (
            ("state", told.state is not None, told.state, row.state),
            ("epoch", told.epoch is not None, told.epoch, row.epoch),
            ("lease", told.whole, lease, row.run_id),
            (
                "due time",
                # A cool-down is its provider's, and journalled once for all of them.
                told.whole and row.waits_for != "cooldown",
                told.due_at_ms,
                row.due_at_ms,
            ),
        ):
            if known and said != kept:
                text = f"its {name} is {kept}, but {said} by the journal"
                found.append(Violation(5, number, None, text))
    if not fold.base:
        found += [
            Violation(1, number, None, "a ticket that the journal does not know")
            for number in rows
            if number not in fold.tickets
        ]
    return found + _doubled_keys(tickets)


def _doubled_keys(tickets: Sequence[Ticket]) -> list[Violation]:
    first: dict[str, int] = {}
    return [
        Violation(6, ticket.id, None, f"has the key of ticket {first[ticket.key]}")
        for ticket in tickets
        if ticket.key is not None
        and first.setdefault(ticket.key, ticket.id) != ticket.id
    ]


def _against_runs(
    fold: _Fold, tickets: Sequence[Ticket], runs: Sequence[Run]
) -> list[Violation]:
    found: list[Violation] = []
    holders = {ticket.run_id: ticket for ticket in tickets if ticket.run_id}
    rows = {run.id: run for run in runs}
    for run_id, status in fold.runs.items():
        row = rows.get(run_id)
        if row is None:
            found.append(Violation(1, None, None, f"run {run_id} is lost"))
        elif status is not None and row.status != status:
            text = f"run {run_id} is {row.status}, but ended {status} by the journal"
            found.append(Violation(5, row.ticket_id, None, text))
        elif (row.ended_at_ms is None) != (row.id in holders):
            text = f"run {run_id} is live without its lease, or the other way round"
            found.append(Violation(2, row.ticket_id, None, text))
    if not fold.base:
        found += [
            Violation(1, run.ticket_id, None, f"run {run.id} was never assigned")
            for run in runs
            if run.id not in fold.runs
        ]
    return found


def _adopted(event: Event) -> _Told:
    """A ticket whose beginnings were pruned: what its first entry implies."""
    run_id, epoch = event.payload.get("run_id"), _number(event.payload.get("epoch"))
    if run_id is None or epoch is None or event.type == "stale_result":
        return _Told(state=None, epoch=None, whole=False)
    if event.type == "task_assign":
        return _Told(state="ready", epoch=epoch - 1, whole=False)
    return _Told(state=None, epoch=epoch, lease=(str(run_id), epoch), whole=False)


def _number(value: Scalar) -> int | None:
    return value if isinstance(value, int) else None
