"""Silence, and whose fault it is."""

import pytest

from kanban_ipc.words import Staleness
from kanband.core.staleness import Beats, Presence, staleness

BEATS = Beats()


@pytest.mark.parametrize(
    ("silent_s", "verdict"),
    [
        (-1.0, "ok"),
        (0.0, "ok"),
        (14.9, "ok"),
        (15.0, "WARN"),
        (29.9, "WARN"),
        (30.0, "STALE"),
        (59.9, "STALE"),
        (60.0, "DEAD"),
        (1e9, "DEAD"),
    ],
)
def test_the_thresholds_are_beats(silent_s: float, verdict: Staleness) -> None:
    assert staleness(1000.0 + silent_s, [1000.0], BEATS) == verdict


def test_the_latest_sign_counts_and_a_missing_one_does_not() -> None:
    assert staleness(100.0, [0.0, None, 95.0, 50.0], BEATS) == "ok"


def test_no_heartbeat_yet_is_counted_from_the_claim() -> None:
    assert staleness(100.0, [99.0, None], BEATS) == "ok"


def test_stale_seconds_follow_the_beat() -> None:
    assert Beats(beat_s=0.5, stale=4).stale_s == 2.0


def test_a_loop_that_was_away_grants_everybody_a_new_beginning() -> None:
    presence = Presence.begin(0.0)
    for at in (5.0, 10.0, 15.0):
        presence = presence.tick(at, 5.0)
    assert presence.since == 0.0
    presence = presence.tick(75.0, 5.0)
    assert presence.since == 75.0
    assert staleness(76.0, [14.0, presence.since], BEATS) == "ok"


def test_one_late_beat_is_load_and_not_absence() -> None:
    assert Presence.begin(0.0).tick(10.0, 5.0).since == 0.0
    assert Presence.begin(0.0).tick(10.1, 5.0).since == 10.1
