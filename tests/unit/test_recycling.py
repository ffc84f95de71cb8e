"""Fresh workers in the place of large and old ones: ``core.recycling``."""

import pytest

from kanband.core.recycling import SPREAD, Limits, reason, share

MIB = 1 << 20
NAMES = [f"{number:016x}" for number in range(200)]


def why(limits: Limits, *, mib: int = 40, age_s: float = 0.0, idle: bool = True) -> str:
    return reason(limits, "a", rss_bytes=mib * MIB, age_s=age_s, idle=idle)


def test_without_limits_nothing_is_recycled() -> None:
    assert not Limits().any
    assert why(Limits(), mib=10**6, age_s=10**9) == ""


@pytest.mark.parametrize("idle", [True, False])
def test_at_the_configured_limit_it_waits_for_no_idle_moment(idle: bool) -> None:
    assert why(Limits(max_rss_mb=100), mib=100, idle=idle) == (
        "100 MiB of memory (max_rss_mb = 100)"
    )
    assert why(Limits(max_age_s=60), age_s=60, idle=idle) == (
        "60 s old (max_age_s = 60)"
    )


def test_near_its_limit_it_goes_only_when_it_is_idle() -> None:
    near = 100 * share("a") + 1
    assert why(Limits(max_age_s=100), age_s=near, idle=True)
    assert not why(Limits(max_age_s=100), age_s=near, idle=False)
    assert not why(Limits(max_age_s=100), age_s=100 * share("a") - 1)


def test_those_that_were_started_together_do_not_go_together() -> None:
    parts = sorted(map(share, NAMES))
    assert 1 - SPREAD <= parts[0] < 1 - 0.9 * SPREAD
    assert 1 - 0.1 * SPREAD < parts[-1] <= 1
    assert len(set(parts)) == len(NAMES)
    assert share("a") == share("a"), "nor does another daemon judge otherwise"
