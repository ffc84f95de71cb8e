"""Which move of a ticket is legal, and what a column means as a target.

Two tables, one for the system and one for the user: every transition that the store
makes is in one of them, and the diagrams in ARCHITECTURE.md are drawn from them.

* ``SYSTEM``: the work itself. Edges into ``assigned`` are taken by a claim, those
  into ``working`` by the start of a claimed run, and by nothing else.
* ``USER``: what a person may do to a ticket that no live run holds. A cancellation
  of a ticket that is held is carried out when its run has ended, by the same edge.

Absent: leases and epochs (the store's verbs check them) and the retry's delay
(``retries``).
"""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from kanban_ipc.words import COLUMN_OF, TICKET_STATES, Column, TicketState

Table: TypeAlias = Mapping[TicketState, frozenset[TicketState]]
Wait: TypeAlias = Literal["due", "depends", "repo", "cooldown"]

_NOTHING: Final[frozenset[TicketState]] = frozenset()


def _to(*states: TicketState) -> frozenset[TicketState]:
    return frozenset(states)


SYSTEM: Final[Table] = {
    "backlog": _NOTHING,
    "ready": _to("assigned"),
    "assigned": _to("working", "ready", "failed"),
    "working": _to(
        "in_review", "completed", "conflicted", "needs_input", "ready", "failed"
    ),
    "needs_input": _to("ready", "failed"),
    "conflicted": _to("in_review", "working", "ready", "failed"),
    "failed": _to("assigned", "ready"),
    "blocked": _NOTHING,
    "in_review": _to("approved", "working", "ready", "failed"),
    "approved": _to("completed", "conflicted", "working", "failed"),
    "completed": _NOTHING,
    "cancelled": _NOTHING,
}

USER: Final[Table] = {
    "backlog": _to("ready", "blocked", "cancelled"),
    "ready": _to("backlog", "blocked", "cancelled"),
    "assigned": _to("ready", "blocked", "cancelled"),
    "working": _to("ready", "blocked", "cancelled"),
    "needs_input": _to("ready", "backlog", "cancelled"),
    "conflicted": _to("ready", "backlog", "cancelled"),
    "failed": _to("ready", "backlog", "cancelled"),
    "blocked": _to("ready", "backlog", "cancelled"),
    "in_review": _to("approved", "completed", "blocked", "ready", "cancelled"),
    "approved": _to("completed", "blocked", "ready", "cancelled"),
    "completed": _to("in_review"),
    "cancelled": _to("ready"),
}

RETRYABLE: Final[frozenset[TicketState]] = _to(
    "failed", "blocked", "cancelled", "needs_input", "conflicted", "in_review"
)
"""Where ``retry`` may start from: each has a user's edge to ``ready``."""

RUN_STATES: Final[frozenset[TicketState]] = _to("assigned", "working")
"""States that a claim and its start give."""

_COLUMN_TARGET: Final[Mapping[Column, TicketState]] = {
    "Backlog": "backlog",
    "Ready": "ready",
    "Blocked": "blocked",
    "Review": "in_review",
}


def check_table(table: Table) -> None:
    """Assert that a table is closed: every state a row, every target another state."""
    assert set(table) == set(TICKET_STATES), "a state has no row, or a row no state"
    for state, targets in table.items():
        assert targets <= set(TICKET_STATES), f"{state} leads out of the table"
        assert state not in targets, f"{state} leads to itself"


check_table(SYSTEM)
check_table(USER)
assert set(COLUMN_OF) == set(TICKET_STATES)
assert all("ready" in USER[state] for state in RETRYABLE)
assert not SYSTEM["completed"], "completed is terminal for the system"
assert not SYSTEM["cancelled"], "cancelled is terminal for the system"


def state_of_column(
    state: TicketState, to: Column, *, has_repo: bool, merged: bool = False
) -> TicketState | None:
    """The state that a user's move into a column gives; None: there is no such move.

    ``Review → Done`` is approval where a repository waits for the merge, and
    completion where there is none. Said again it changes nothing: a repeated command
    must not complete what nobody has merged. That it is ``merged`` is said in so many
    words, and completes it, approved before or not.
    """
    if to == "Done":
        return _done_target(state, awaits_merge=has_repo and not merged)
    target = _COLUMN_TARGET.get(to)
    return target if target is not None and target in USER[state] else None


def _done_target(state: TicketState, *, awaits_merge: bool) -> TicketState | None:
    if COLUMN_OF[state] != "Review":
        return None
    return "approved" if awaits_merge else "completed"


def wait_of(due_ms: int | None, *, unmet: bool, now_ms: int) -> Wait | None:
    """What a ticket that enters ``ready`` waits for first; None: it is claimable.

    Time comes before dependencies, so that each kind of waiting has one way out:
    ``due`` ends by the clock and then asks for dependencies, ``depends`` ends with
    the last dependency. Waiting for a repository or for a provider begins when a claim
    meets it full or cooling down.
    """
    if due_ms is not None and due_ms > now_ms:
        return "due"
    return "depends" if unmet else None


def edges() -> list[tuple[str, str, str]]:
    """Both tables as (from, to, who), for a diagram."""
    return [
        (state, target, who)
        for who, table in (("system", SYSTEM), ("user", USER))
        for state in TICKET_STATES
        for target in TICKET_STATES
        if target in table[state]
    ]
