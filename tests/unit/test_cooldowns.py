"""How long a provider is left alone."""

import pytest

from kanband.core.cooldowns import RETRY_AFTER_MAX_S, CoolDown, cooled, wait_s


@pytest.mark.parametrize(
    ("in_a_row", "seconds"), [(1, 60), (2, 120), (5, 960), (6, 1_800), (9_999, 1_800)]
)
def test_each_in_a_row_is_twice_as_long_up_to_half_an_hour(
    in_a_row: int, seconds: int
) -> None:
    assert wait_s(in_a_row) == seconds


def test_what_is_over_is_remembered_until_it_works() -> None:
    before = CoolDown(provider="p", in_a_row=2, until_ms=None)
    after = cooled(before, "p", 0, 5)
    assert after == CoolDown(provider="p", in_a_row=3, until_ms=240_005)


def test_one_more_refusal_while_it_cools_changes_nothing() -> None:
    before = CoolDown(provider="p", in_a_row=1, until_ms=60_000)
    assert cooled(before, "p", 0, 59_999) == before


def test_while_it_cools_only_a_longer_wait_counts() -> None:
    before = CoolDown(provider="p", in_a_row=1, until_ms=60_000)
    assert cooled(before, "p", 10, 0) == before
    assert cooled(before, "p", 61, 0).until_ms == 61_000


def test_a_wait_of_more_than_a_day_is_a_mistake() -> None:
    assert cooled(None, "p", 10**9, 0).until_ms == RETRY_AFTER_MAX_S * 1_000
