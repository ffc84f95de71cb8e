"""Questions about tickets and the queue; nothing here changes anything."""

import re
from collections import Counter
from typing import Final

import apsw

from kanban_ipc.control import BoardQueue, ListCall, QueueInfo, Ticket
from kanban_ipc.words import COLUMN_OF, TICKET_STATES, Column, TicketState
from kanband.store.rows import Row, ticket_of
from kanband.store.statements import load

_SQL: Final = load("reading")
_LIKE: Final = re.compile(r"[%_\\]")
"""What LIKE takes for more than itself."""
_FINISHED: Final = frozenset(("completed", "cancelled"))
_UNFINISHED: Final = "t.state <> 'completed' AND t.state <> 'cancelled'"
"""Word for word the condition of the index ``unfinished``, which is used by it."""
_STATE_ORDER: Final = " ".join(
    f"WHEN '{state}' THEN {place}" for place, state in enumerate(TICKET_STATES)
)
_ORDER: Final = {
    "id": "t.id",
    "priority": "t.band",
    "updated": "t.updated_at_ms",
    "created": "t.created_at_ms",
    "state": f"CASE t.state {_STATE_ORDER} END",
    "title": "t.title COLLATE NOCASE",
    "due": "t.due_at_ms IS NULL, t.due_at_ms",
}


def ticket(db: apsw.Connection, ticket_id: int) -> Ticket | None:
    """See ``Reads.ticket``."""
    row = db.execute(_SQL["ticket"], (ticket_id,)).get
    return None if row is None else ticket_of(row)


def tickets_by_id(db: apsw.Connection, ids: list[int]) -> list[Ticket]:
    """In the order of the ids, which must exist."""
    rows = db.executemany(_SQL["ticket"], ((number,) for number in ids))
    return [ticket_of(row) for row in rows]


def tickets(db: apsw.Connection, query: ListCall) -> tuple[list[Ticket], int]:
    """A page and the total; ties are in order of age, whichever the direction."""
    states = wanted_states(query)
    where, values = _conditions(query, states)
    direction = "DESC" if query.descending else "ASC"
    order = f"{_ORDER[query.sort]} {direction}, t.id"
    page = _SQL["page"].replace("/*where*/", where).replace("/*order*/", order)
    rows = db.execute(page, (*values, query.limit, query.offset))
    found = tickets_by_id(db, [number for (number,) in rows])
    return found, _total(db, query, states, where, values)


def matching(db: apsw.Connection, query: ListCall) -> list[int]:
    """See ``Reads.matching``."""
    where, values = _conditions(query, wanted_states(query))
    page = _SQL["page"].replace("/*where*/", where).replace("/*order*/", "t.id")
    return [number for (number,) in db.execute(page, (*values, -1, 0))]


def wanted_states(query: ListCall) -> list[TicketState]:
    """Which states a query asks for: those named, of the columns named."""
    named = set(query.states or TICKET_STATES)
    if query.columns:
        named &= {state for state in named if COLUMN_OF[state] in query.columns}
    if not query.states and not query.cancelled:
        named.discard("cancelled")
    return [state for state in TICKET_STATES if state in named]


def _conditions(query: ListCall, states: list[TicketState]) -> tuple[str, list[str]]:
    terms = [f"t.state IN ({', '.join('?' * len(states))})"]
    values: list[str] = [*states]
    if not _FINISHED & set(states):
        terms.append(_UNFINISHED)
    for column, value in (
        ("board", query.board),
        ("repo_path", query.repo),
        ("agent", query.agent),
    ):
        if value is not None:
            terms.append(f"t.{column} = ?")
            values.append(value)
    for label in query.labels:
        terms.append("? IN (SELECT value FROM json_each(t.labels))")
        values.append(label)
    if query.text is not None:
        terms.append(_SQL["text"])
        literal = _LIKE.sub(r"\\\g<0>", query.text)
        values += [f"%{literal}%"] * 3
    return " AND ".join(terms), values


def _total(
    db: apsw.Connection,
    query: ListCall,
    states: list[TicketState],
    where: str,
    values: list[str],
) -> int:
    """From the counts when they tell, for a scan of a million tickets takes long."""
    if query.repo is query.agent is query.text is None and not query.labels:
        return sum(
            count
            for (board, state), count in counts(db).items()
            if state in states and query.board in (None, board)
        )
    total: int = db.execute(_SQL["total"].replace("/*where*/", where), values).get
    return total


def counts(db: apsw.Connection) -> dict[tuple[str, TicketState], int]:
    """Tickets by board and state, as the verbs keep count."""
    return {(board, state): n for board, state, n in db.execute(_SQL["counts"])}


def blockers(db: apsw.Connection, ticket_id: int) -> list[Ticket]:
    """See ``Reads.blockers``."""
    return [ticket_of(row) for row in db.execute(_SQL["blockers"], (ticket_id,))]


def queue(db: apsw.Connection) -> QueueInfo:
    """See ``Reads.queue``."""
    by_state: Counter[TicketState] = Counter()
    for (_board, state), n in counts(db).items():
        by_state[state] += n
    columns = _columns(by_state)
    return QueueInfo(
        depth=by_state["ready"],
        waiting=db.execute(_SQL["waiting"]).get,
        backlog=columns["Backlog"],
        ready=columns["Ready"],
        in_progress=columns["In Progress"],
        blocked=columns["Blocked"],
        review=columns["Review"],
        done=columns["Done"],
        cancelled=by_state["cancelled"],
        active_workers=0,
        paused=bool(db.execute(_SQL["paused"]).get),
    )


def boards(db: apsw.Connection) -> list[BoardQueue]:
    """See ``Reads.boards``."""
    by_board: dict[str, Counter[TicketState]] = {}
    for (board, state), n in counts(db).items():
        by_board.setdefault(board, Counter())[state] += n
    return [
        _board(row, _columns(by_board.get(row[0], Counter())))
        for row in db.execute(_SQL["boards"])
    ]


def _board(row: Row, columns: Counter[Column]) -> BoardQueue:
    name, paused, position, wip_limit = row
    return BoardQueue(
        board=name,
        paused=bool(paused),
        position=position,
        wip_limit=wip_limit,
        backlog=columns["Backlog"],
        ready=columns["Ready"],
        in_progress=columns["In Progress"],
        blocked=columns["Blocked"],
        review=columns["Review"],
        done=columns["Done"],
    )


def _columns(by_state: Counter[TicketState]) -> Counter[Column]:
    """Cancelled tickets are hidden: counted in no column."""
    columns: Counter[Column] = Counter()
    for state, n in by_state.items():
        if state != "cancelled":
            columns[COLUMN_OF[state]] += n
    return columns


def next_due_ms(db: apsw.Connection) -> int | None:
    """See ``Reads.next_due_ms``."""
    due: int | None = db.execute(_SQL["next_due"]).get
    return due
