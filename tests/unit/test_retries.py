"""What each failure costs."""

import pytest

from kanban_ipc.words import FAILURE_CLASSES, FailureClass
from kanband.core.retries import (
    RULES,
    RetryPolicy,
    Tally,
    backoff_ms,
    decide,
)

POLICY = RetryPolicy()


@pytest.mark.parametrize(
    ("count", "seconds"), [(1, 10), (2, 20), (3, 40), (7, 640), (8, 900), (5_000, 900)]
)
def test_the_nth_failure_waits_twice_as_long_up_to_the_cap(
    count: int, seconds: int
) -> None:
    assert backoff_ms(count, POLICY, 0.0) == seconds * 1_000


@pytest.mark.parametrize(("jitter", "delay_ms"), [(-1.0, 8_000), (1.0, 12_000)])
def test_jitter_moves_a_wait_by_a_fifth(jitter: float, delay_ms: int) -> None:
    assert backoff_ms(1, POLICY, jitter) == delay_ms


def test_jitter_does_not_pass_the_cap() -> None:
    assert backoff_ms(9, POLICY, 1.0) == 900_000


@pytest.mark.parametrize("failure", ["agent_error", "timeout", "stalled"])
def test_counted_failures_use_the_budget_up(failure: FailureClass) -> None:
    tally = Tally(max_retries=2)
    for count in (1, 2):
        verdict = decide(failure, tally, POLICY, 0.0)
        assert verdict.again
        assert verdict.tally.retry_count == count
        assert verdict.delay_ms == 10_000 * 2 ** (count - 1)
        assert f"Retry {count} of 2" in verdict.sentence
        tally = verdict.tally
    verdict = decide(failure, tally, POLICY, 0.0)
    assert not verdict.again
    assert verdict.tally.retry_count == 2
    assert "All 3 attempts are used up" in verdict.sentence


def test_without_retries_the_first_failure_is_the_last() -> None:
    verdict = decide("agent_error", Tally(max_retries=0), POLICY, 0.0)
    assert not verdict.again
    assert "No retries are allowed" in verdict.sentence


def test_a_deferral_waits_longer_each_time_and_is_never_used_up() -> None:
    tally = Tally(max_retries=0, losses=2)
    for delay_s in (10, 20, 40):
        verdict = decide("deferred", tally, POLICY, 0.0)
        assert (verdict.again, verdict.delay_ms) == (True, delay_s * 1_000)
        assert (verdict.tally.retry_count, verdict.tally.losses) == (0, 0)
        tally = verdict.tally


def test_a_rate_limit_counts_nothing_and_leaves_the_wait_to_its_provider() -> None:
    tally = Tally(max_retries=1, retry_count=1, losses=2, deferrals=3)
    verdict = decide("rate_limited", tally, POLICY, 0.0)
    assert (verdict.again, verdict.delay_ms) == (True, 0)
    assert verdict.tally == Tally(max_retries=1, retry_count=1)
    assert "no attempt is counted" in verdict.sentence


@pytest.mark.parametrize("failure", ["worker_lost", "host_lost"])
def test_a_loss_is_retried_at_once_until_it_is_poison(failure: FailureClass) -> None:
    first = decide(failure, Tally(max_retries=0, deferrals=4), POLICY, 0.0)
    assert (first.again, first.delay_ms) == (True, 0)
    assert (first.tally.losses, first.tally.deferrals) == (1, 0)
    third = decide(failure, Tally(max_retries=0, losses=2), POLICY, 0.0)
    assert not third.again
    assert "poison" in third.sentence


def test_a_shutdown_counts_for_nothing_and_many_in_a_row_wait() -> None:
    tally = Tally(max_retries=0, retry_count=0, losses=2)
    waits = []
    for _ in range(6):
        verdict = decide("shutdown", tally, POLICY, 0.0)
        waits.append(verdict.delay_ms)
        tally = verdict.tally
        assert verdict.again
    assert waits == [0, 0, 0, 10_000, 20_000, 40_000]
    assert (tally.retry_count, tally.losses) == (0, 2)


@pytest.mark.parametrize("failure", ["auth", "setup", "over_budget"])
def test_what_retrying_cannot_mend_is_not_retried(failure: FailureClass) -> None:
    verdict = decide(failure, Tally(max_retries=9), POLICY, 0.0)
    assert not verdict.again
    assert "remove the cause" in verdict.sentence


def test_a_cancellation_that_nobody_recorded_backs_off() -> None:
    verdict = decide("cancelled", Tally(max_retries=0), POLICY, 0.0)
    assert (verdict.again, verdict.delay_ms) == (True, 10_000)


def test_every_failure_class_has_a_rule() -> None:
    assert set(RULES) == set(FAILURE_CLASSES)
