"""``add``: new tickets, all of a call or none."""

from collections.abc import Sequence
from typing import Final

import apsw
import msgspec

from kanban_ipc.control import NewTicket, Refusal
from kanban_ipc.words import TicketState
from kanband.core import journal
from kanband.core.intake import flaw
from kanband.core.priority import band, resolve
from kanband.core.tickets import Wait, wait_of
from kanband.store import sayings
from kanband.store.ledger import Ledger
from kanband.store.reading import tickets_by_id
from kanband.store.rows import NO_LABELS, Row, encode
from kanband.store.statements import load
from kanband.store.values import Added, AddOutcome

_SQL: Final = load("adding")
MAX_RETRIES: Final = 3
"""Four attempts, where the ticket does not say."""


class _Plan(msgspec.Struct):
    """A call being looked through, before anything is written."""

    next_id: int
    ids: list[int] = []
    """For each argument: the ticket it is."""
    fresh: dict[int, tuple[NewTicket, list[tuple[int, bool]]]] = {}
    """By id: what to insert, with its dependencies and whether they are met."""
    keys: dict[str, int] = {}
    refused: list[Refusal] = []


def add(
    db: apsw.Connection, tickets: Sequence[NewTicket], *, ready: bool, now_ms: int
) -> AddOutcome:
    """See ``Verbs.add``."""
    plan = _Plan(next_id=db.execute(_SQL["last_id"]).get + 1)
    for index, new in enumerate(tickets):
        _plan_one(db, plan, index, new)
    if plan.refused:
        return AddOutcome(added=[], refused=plan.refused, woke=False)
    boards = _new_boards(db, plan)
    woke = _insert(db, plan, ready=ready, now_ms=now_ms)
    rows = tickets_by_id(db, plan.ids)
    seen: set[int] = set()
    added = []
    for row in rows:
        created = row.id in plan.fresh and row.id not in seen
        seen.add(row.id)
        added.append(Added(ticket=row, created=created))
    return AddOutcome(added=added, refused=[], woke=woke, boards=boards)


def _plan_one(db: apsw.Connection, plan: _Plan, index: int, new: NewTicket) -> None:
    known = None if new.key is None else _by_key(db, plan, new.key)
    if known is not None:
        plan.ids.append(known)
        return
    reason = flaw(new)
    depends: list[tuple[int, bool]] = []
    if reason is None:
        reason = _resolve_dependencies(db, plan, new, depends)
    if reason is not None:
        plan.refused.append(Refusal(index=index, title=new.title, reason=reason))
        return
    number = plan.next_id
    plan.next_id += 1
    plan.ids.append(number)
    plan.fresh[number] = (new, depends)
    if new.key is not None:
        plan.keys[new.key] = number


def _by_key(db: apsw.Connection, plan: _Plan, key: str) -> int | None:
    number: int | None = plan.keys.get(key)
    return number if number is not None else db.execute(_SQL["by_key"], (key,)).get


def _resolve_dependencies(
    db: apsw.Connection,
    plan: _Plan,
    new: NewTicket,
    depends: list[tuple[int, bool]],
) -> str | None:
    """Fill ``depends``, each once and in order of id; or say what is unknown.

    Only tickets that exist already can be named, so that no circle can arise.
    """
    numbers = set(new.depends_on)
    for key in new.depends_on_keys:
        number = _by_key(db, plan, key)
        if number is None:
            return sayings.unknown_key(key)
        numbers.add(number)
    for number in sorted(numbers):
        state = _state_of(db, plan, number)
        if state is None:
            return sayings.unknown_dependency(number)
        depends.append((number, state == "completed"))
    return None


def _state_of(db: apsw.Connection, plan: _Plan, number: int) -> TicketState | None:
    if number in plan.fresh:
        return "backlog"
    if not 0 < number < plan.next_id:
        return None
    state: TicketState | None = db.execute(_SQL["state_of"], (number,)).get
    return state


def _insert(db: apsw.Connection, plan: _Plan, *, ready: bool, now_ms: int) -> bool:
    """Write the plan; True when a ticket is claimable."""
    ledger = Ledger(db, now_ms)
    state: TicketState = "ready" if ready else "backlog"
    rows: list[Row] = []
    woke = False
    for number, (new, depends) in plan.fresh.items():
        unmet = any(not met for _on, met in depends)
        wait = wait_of(new.scheduled_at_ms, unmet=unmet, now_ms=now_ms)
        wait = wait if ready else None
        due = new.scheduled_at_ms if wait == "due" else None
        woke = woke or (ready and wait is None)
        rows.append(_row(number, new, state, wait=wait, due=due, now_ms=now_ms))
        ledger.note(journal.created(number, state, new.title, new.board, due))
        ledger.count(new.board, None, state)
    db.executemany(_SQL["ticket"], rows)
    _insert_parts(db, plan)
    ledger.write()
    return woke


def _new_boards(db: apsw.Connection, plan: _Plan) -> list[str]:
    """Make the boards that the tickets name and that are not there."""
    made: list[str] = []
    for name in dict.fromkeys(new.board for new, _depends in plan.fresh.values()):
        db.execute(_SQL["board"], (name,))
        if db.changes():
            made.append(name)
    return made


def _row(
    number: int,
    new: NewTicket,
    state: TicketState,
    *,
    wait: Wait | None,
    due: int | None,
    now_ms: int,
) -> Row:
    word, priority_number = resolve(new.priority, new.priority_number)
    return (
        number,
        new.board,
        state,
        wait,
        new.agent,
        band(word),
        new.repo_path,
        due,
        priority_number,
        new.title,
        encode(new.labels).decode() if new.labels else NO_LABELS,
        new.task_type,
        new.base_branch,
        new.model,
        MAX_RETRIES if new.max_retries is None else new.max_retries,
        new.scheduled_at_ms,
        new.timeout_s,
        new.estimated_duration_s,
        new.key,
        now_ms,
        now_ms,
        now_ms,
    )


def _insert_parts(db: apsw.Connection, plan: _Plan) -> None:
    texts = [
        (number, new.description_md, new.instructions)
        for number, (new, _depends) in plan.fresh.items()
        if new.description_md or new.instructions
    ]
    depends = [
        (number, on, met)
        for number, (_new, of_ticket) in plan.fresh.items()
        for on, met in of_ticket
    ]
    if texts:
        db.executemany(_SQL["texts"], texts)
    if depends:
        db.executemany(_SQL["depends"], depends)
