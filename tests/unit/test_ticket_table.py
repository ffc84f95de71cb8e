"""The transition tables, against the words of the specification."""

import pytest

from kanban_ipc.words import TICKET_STATES, Column, TicketState
from kanband.core.tickets import (
    RETRYABLE,
    SYSTEM,
    USER,
    Table,
    check_table,
    edges,
    state_of_column,
    wait_of,
)


def test_the_systems_edges_are_those_of_the_specification() -> None:
    said = {
        "ready": "assigned",
        "assigned": "working|ready|failed",
        "working": "in_review|completed|conflicted|needs_input|ready|failed",
        "conflicted": "in_review|working|ready|failed",
        "in_review": "approved|working|ready|failed",
        "approved": "completed|conflicted|working|failed",
        "needs_input": "ready|failed",
        "failed": "assigned|ready",
    }
    kept = {state: targets for state, targets in SYSTEM.items() if targets}
    assert kept == {state: set(targets.split("|")) for state, targets in said.items()}


def test_completed_and_cancelled_are_terminal_for_the_system() -> None:
    assert not SYSTEM["completed"]
    assert not SYSTEM["cancelled"]


@pytest.mark.parametrize(
    ("state", "column", "target"),
    [
        ("backlog", "Ready", "ready"),
        ("ready", "Backlog", "backlog"),
        ("backlog", "Blocked", "blocked"),
        ("ready", "Blocked", "blocked"),
        ("working", "Ready", "ready"),
        ("assigned", "Blocked", "blocked"),
        ("failed", "Ready", "ready"),
        ("needs_input", "Backlog", "backlog"),
        ("conflicted", "Ready", "ready"),
        ("in_review", "Blocked", "blocked"),
        ("in_review", "Ready", "ready"),
        ("approved", "Ready", "ready"),
        ("completed", "Review", "in_review"),
        ("cancelled", "Ready", "ready"),
        ("backlog", "In Progress", None),
        ("ready", "Review", None),
        ("ready", "Done", None),
        ("working", "Done", None),
        ("working", "Backlog", None),
        ("completed", "Ready", None),
        ("failed", "Review", None),
        ("approved", "Done", "approved"),
        ("approved", "Backlog", None),
        ("cancelled", "Backlog", None),
    ],
)
def test_a_column_as_target_means_a_state(
    state: TicketState, column: Column, target: TicketState | None
) -> None:
    assert state_of_column(state, column, has_repo=True) == target


def test_done_after_review_is_approval_where_a_merge_is_due() -> None:
    assert state_of_column("in_review", "Done", has_repo=True) == "approved"
    assert state_of_column("in_review", "Done", has_repo=False) == "completed"
    assert state_of_column("approved", "Done", has_repo=False) == "completed"


def test_done_is_completion_for_whoever_says_that_it_is_merged() -> None:
    for state in ("in_review", "approved"):
        assert state_of_column(state, "Done", has_repo=True, merged=True) == "completed"
    assert state_of_column("ready", "Done", has_repo=True, merged=True) is None


def test_whatever_can_be_retried_has_an_edge_to_ready() -> None:
    assert all("ready" in USER[state] for state in RETRYABLE)


@pytest.mark.parametrize(
    ("due_ms", "unmet", "wait"),
    [
        (None, False, None),
        (None, True, "depends"),
        (10, True, "depends"),
        (11, True, "due"),
        (11, False, "due"),
        (10, False, None),
    ],
)
def test_time_is_waited_for_before_dependencies(
    due_ms: int | None, unmet: bool, wait: str | None
) -> None:
    assert wait_of(due_ms, unmet=unmet, now_ms=10) == wait


def _bad(**changes: object) -> Table:
    return {**SYSTEM, **changes}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "table",
    [
        {state: SYSTEM[state] for state in TICKET_STATES[1:]},
        _bad(ready=frozenset({"nowhere"})),
        _bad(ready=frozenset({"ready"})),
    ],
)
def test_an_open_table_is_refused(table: Table) -> None:
    with pytest.raises(AssertionError):
        check_table(table)


def test_every_edge_is_drawn_once_for_each_who_may_take_it() -> None:
    drawn = edges()
    assert len(drawn) == len(set(drawn))
    assert ("ready", "assigned", "system") in drawn
    assert ("completed", "in_review", "user") in drawn
