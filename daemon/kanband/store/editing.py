"""``edit``: a user changes what a ticket says, and it waits for what it now must.

What may be changed, and what comes of it, is decided in ``core.editing``.
"""

from collections.abc import Sequence
from typing import Final

import apsw
import msgspec

from kanban_ipc.control import Ticket, TicketEdit
from kanban_ipc.words import RunId
from kanband.core import journal
from kanband.core.editing import WHILE_HELD, Edited, circle, due_after, edited
from kanband.core.priority import band, of_number
from kanband.core.tickets import Wait, wait_of
from kanband.store import sayings
from kanband.store.ledger import Ledger
from kanband.store.parking import IN_LINE, wake
from kanband.store.reading import ticket as read_ticket
from kanband.store.rows import encode
from kanband.store.statements import load
from kanband.store.values import EditRefusal, Moved

_SQL: Final = load("editing")
PLACES: Final = frozenset(("repo_path", "agent", "board"))
"""A claim that met the repository full has to meet it anew after these change."""


def edit(
    db: apsw.Connection, ticket_ids: Sequence[int], edit: TicketEdit, *, now_ms: int
) -> list[Moved | EditRefusal]:
    """See ``Verbs.edit``."""
    return [_edit_one(db, number, edit, now_ms) for number in ticket_ids]


def _edit_one(
    db: apsw.Connection, ticket_id: int, edit: TicketEdit, now_ms: int
) -> Moved | EditRefusal:
    ticket = read_ticket(db, ticket_id)
    if ticket is None:
        return sayings.not_found(ticket_id)
    outcome = edited(ticket, edit)
    if isinstance(outcome, str):
        return sayings.impossible(ticket_id, outcome)
    if refusal := _refusal(db, ticket, outcome):
        return refusal
    if not outcome.changed:
        return Moved(ticket=ticket)
    woke = _write(db, ticket, outcome, now_ms)
    now = read_ticket(db, ticket_id)
    assert now is not None
    return Moved(ticket=now, woke=woke)


def refused_by_itself(ticket: Ticket, outcome: Edited) -> EditRefusal | None:
    """What can be said without looking at other tickets."""
    if ticket.run_id is not None and (
        fields := [each for each in outcome.changed if each not in WHILE_HELD]
    ):
        return sayings.held_from_editing(ticket.id, RunId(ticket.run_id), fields)
    if ticket.branch is not None and "repo_path" in outcome.changed:
        return sayings.work_elsewhere(ticket.id, ticket.branch, ticket.repo_path)
    return None


def _refusal(
    db: apsw.Connection, ticket: Ticket, outcome: Edited
) -> EditRefusal | None:
    if refusal := refused_by_itself(ticket, outcome):
        return refusal
    added = sorted(set(outcome.new.depends_on) - set(ticket.depends_on))
    for number in added:
        if db.execute(_SQL["state_of"], (number,)).get is None:
            reason = sayings.unknown_dependency(number)
            return sayings.impossible(ticket.id, reason)

    def depends(number: int) -> list[int]:
        return [on for (on,) in db.execute(_SQL["depends_on"], (number,))]

    way = circle(ticket.id, added, depends)
    return sayings.circular(ticket.id, way) if way else None


def wait_after(
    ticket: Ticket, outcome: Edited, *, unmet: bool, now_ms: int
) -> tuple[Wait | None, int | None]:
    """What an edited ticket waits for, and until when.

    One that waits for a provider is looked at anew: the next claim sets it aside again,
    if its agent still is one of that provider.
    """
    if ticket.state != "ready":
        return None, None
    if ticket.waits_for == "cooldown":
        ticket = msgspec.structs.replace(ticket, due_at_ms=None)
    due = due_after(ticket, outcome.new.scheduled_at_ms)
    wait = wait_of(due, unmet=unmet, now_ms=now_ms)
    stays = ticket.waits_for == "repo" and not PLACES & set(outcome.changed)
    if wait is None and stays:
        return "repo", None
    return wait, due if wait == "due" else None


def gives_up_turn(ticket: Ticket, outcome: Edited, wait: Wait | None) -> bool:
    """A ticket that could be claimed in its repository leaves that line."""
    could = ticket.state == "ready" and ticket.waits_for in IN_LINE
    moved = wait is not None or bool(PLACES & set(outcome.changed))
    return could and moved and ticket.repo_path is not None


def _write(db: apsw.Connection, ticket: Ticket, outcome: Edited, now_ms: int) -> bool:
    """True when something became claimable."""
    _write_dependencies(db, ticket, outcome)
    unmet = bool(db.execute(_SQL["unmet"], (ticket.id,)).get)
    wait, due = wait_after(ticket, outcome, unmet=unmet, now_ms=now_ms)
    ledger = Ledger(db, now_ms)
    if "board" in outcome.changed:
        db.execute(_SQL["board"], (outcome.new.board,))
        ledger.uncount(ticket.board, ticket.state)
        ledger.count(outcome.new.board, None, ticket.state)
    _write_row(db, ticket.id, outcome, wait=wait, due=due, now_ms=now_ms)
    ledger.note(
        journal.edited(
            ticket,
            outcome.changed,
            max_retries=outcome.new.max_retries or 0,
            due_at_ms=due,
        )
    )
    ledger.write()
    woke = ticket.state == "ready" and wait is None
    if gives_up_turn(ticket, outcome, wait):
        assert ticket.repo_path is not None
        woke |= wake(db, {ticket.repo_path: 1})
    return woke


def _write_dependencies(db: apsw.Connection, ticket: Ticket, outcome: Edited) -> None:
    before, after = set(ticket.depends_on), set(outcome.new.depends_on)
    for number in sorted(before - after):
        db.execute(_SQL["independ"], (ticket.id, number))
    for number in sorted(after - before):
        met = db.execute(_SQL["state_of"], (number,)).get == "completed"
        db.execute(_SQL["depend"], (ticket.id, number, met))


def _write_row(
    db: apsw.Connection,
    ticket_id: int,
    outcome: Edited,
    *,
    wait: Wait | None,
    due: int | None,
    now_ms: int,
) -> None:
    new = outcome.new
    assert new.priority_number is not None
    if {"description_md", "instructions"} & set(outcome.changed):
        db.execute(_SQL["texts"], (ticket_id, new.description_md, new.instructions))
    db.execute(
        _SQL["edit"],
        (
            ticket_id,
            new.title,
            new.board,
            new.repo_path,
            new.base_branch,
            new.agent,
            new.model,
            band(of_number(new.priority_number)),
            new.priority_number,
            encode(new.labels).decode(),
            new.task_type,
            new.scheduled_at_ms,
            new.timeout_s,
            new.estimated_duration_s,
            outcome.actual_duration_s,
            new.max_retries,
            wait,
            due,
            now_ms,
        ),
    )
