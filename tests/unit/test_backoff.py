"""Delays before a restart, and FATAL."""

import pytest

from kanband.core import backoff
from kanband.core.backoff import History, Policy

POLICY = Policy()


def after_ends(count: int, *, every_s: float = 1.0) -> History:
    history = History()
    for n in range(count):
        history = backoff.running(history, n * every_s)
        history = backoff.ended(history, n * every_s + 0.5, POLICY)
    return history


def test_the_first_restart_after_hello_is_immediate() -> None:
    assert backoff.delay_s(after_ends(1), 1.0, POLICY) == 0.0


def test_further_restarts_double_from_a_tenth_of_a_second_to_the_cap() -> None:
    delays = [backoff.delay_s(after_ends(n), 0.0, POLICY) for n in range(2, 13)]
    assert delays[:4] == pytest.approx([0.1, 0.2, 0.4, 0.8])
    assert delays[-1] == POLICY.max_s
    assert delays == sorted(delays)


@pytest.mark.parametrize(
    ("jitter", "expected"), [(-1.0, 0.08), (0.0, 0.1), (1.0, 0.12)]
)
def test_jitter_is_a_fifth_at_most(jitter: float, expected: float) -> None:
    assert backoff.delay_s(after_ends(2), jitter, POLICY) == pytest.approx(expected)


def test_a_worker_that_was_healthy_for_long_enough_starts_afresh() -> None:
    history = backoff.running(after_ends(6), 100.0)
    assert backoff.delay_s(backoff.ended(history, 110.0, POLICY), 0.0, POLICY) == 0.0
    assert backoff.delay_s(backoff.ended(history, 109.9, POLICY), 0.0, POLICY) > 0.0


def test_an_end_without_any_run_counts_too() -> None:
    # Found alive by a new daemon, ended before it said hello again.
    assert backoff.ended(History(), 5.0, POLICY).in_a_row == 1


def test_a_failure_before_hello_always_waits() -> None:
    history = backoff.failed(History(), 0.0, POLICY)
    assert backoff.delay_s(history, 0.0, POLICY) == pytest.approx(0.1)
    history = backoff.failed(history, 0.0, POLICY)
    assert backoff.delay_s(history, 0.0, POLICY) == pytest.approx(0.2)


def test_the_sixth_failure_within_a_minute_is_one_too_many() -> None:
    history = History()
    for n in range(5):
        history = backoff.failed(history, float(n), POLICY)
        assert not backoff.exhausted(history, POLICY)
    assert backoff.exhausted(backoff.failed(history, 59.9, POLICY), POLICY)


def test_failures_older_than_the_window_do_not_count() -> None:
    history = History()
    for n in range(20):
        history = backoff.failed(history, n * 12.1, POLICY)
        assert not backoff.exhausted(history, POLICY)
    assert len(history.failures) == 5


def test_what_is_remembered_is_bounded() -> None:
    history = History()
    for _ in range(10_000):
        history = backoff.failed(history, 0.0, POLICY)
    assert len(history.failures) == POLICY.fatal_failures + 1
    assert backoff.delay_s(history, 1.0, POLICY) == pytest.approx(36.0)
