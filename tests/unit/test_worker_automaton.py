"""The worker automaton: what a page of theory says, the table does."""

from typing import get_args

import pytest

from kanban_ipc.words import WORKER_STATES, WorkerState
from kanband.core.workers import (
    ALIVE,
    AT_REST,
    EDGES,
    TABLE,
    Edge,
    Effect,
    Event,
    ImpossibleEvent,
    follow_up,
    step,
)


def test_every_state_and_every_event_is_used() -> None:
    assert {state for state, _ in TABLE} == set(WORKER_STATES)
    assert {edge.to for edge in TABLE.values()} == set(WORKER_STATES)
    assert {event for _, event in TABLE} == set(get_args(Event))
    used = {effect for edge in TABLE.values() for effect in edge.effects}
    assert used == set(get_args(Effect))


@pytest.mark.parametrize("state", WORKER_STATES)
def test_a_person_may_wish_anything_in_any_state(state: WorkerState) -> None:
    step(state, "start")
    step(state, "stop")


@pytest.mark.parametrize("state", WORKER_STATES)
def test_a_process_is_only_ever_started_where_there_is_none(state: WorkerState) -> None:
    starts = [e for (s, _), e in TABLE.items() if s == state and "spawn" in e.effects]
    assert all(edge.to == "STARTING" for edge in starts)
    if state in ALIVE or state == "UNKNOWN":
        assert starts == []


def test_what_is_in_doubt_is_neither_killed_nor_doubled() -> None:
    leaving = {
        effect for (s, _), e in TABLE.items() if s == "UNKNOWN" for effect in e[1]
    }
    assert leaving.isdisjoint({"spawn", "retire", "abort", "delay"})


def test_a_stopped_or_fatal_worker_comes_back_by_a_wish_alone() -> None:
    for state in ("STOPPED", "FATAL"):
        spawning = [
            event
            for (source, event), edge in TABLE.items()
            if source == state and "spawn" in edge.effects
        ]
        assert spawning == ["start"]


def test_every_end_of_a_running_worker_leads_back_to_a_start() -> None:
    for event in ("crashed", "left"):
        after = step("RUNNING", event)
        assert after.effects == ("delay",)
        assert step(after.to, "due").effects == ("spawn", "await_hello")


def test_a_person_s_start_forgets_the_failures_and_the_delay() -> None:
    for state in ("FATAL", "BACKOFF", "EXITED", "STOPPED"):
        assert step(state, "start").effects == ("forget", "spawn", "await_hello")


def test_a_restart_is_a_stop_of_a_worker_that_is_wanted() -> None:
    assert step("RUNNING", "stop").to == "STOPPING"
    assert step("STOPPING", "ended").to == "STOPPED"
    assert follow_up("STOPPED", "run") == "start"


def test_a_worker_found_alive_that_is_not_wanted_is_stopped() -> None:
    assert follow_up("STARTING", "stop") == "stop"
    assert follow_up("RUNNING", "stop") == "stop"


@pytest.mark.parametrize("state", ["STOPPED", "FATAL"])
def test_a_new_daemon_takes_in_what_lives_whatever_was_remembered(
    state: WorkerState,
) -> None:
    assert step(state, "found") == Edge("STARTING", ("await_hello",))
    assert step(state, "doubted").to == "UNKNOWN"


def test_a_wish_that_is_fulfilled_asks_for_nothing() -> None:
    assert follow_up("STOPPED", "stop") is None
    assert follow_up("RUNNING", "run") is None
    assert follow_up("STOPPING", "run") is None
    assert follow_up("FATAL", "run") is None


def test_what_cannot_happen_is_said_to_be_a_bug() -> None:
    with pytest.raises(ImpossibleEvent, match="hello in STOPPED"):
        step("STOPPED", "hello")


def test_the_diagram_has_each_move_once_and_no_loops() -> None:
    assert len(EDGES) == len(set(EDGES))
    assert all(source != target for source, _, target in EDGES)
    assert ("STARTING", "hello", "RUNNING") in EDGES
    assert {"RUNNING", "FATAL", "UNKNOWN"} == AT_REST
