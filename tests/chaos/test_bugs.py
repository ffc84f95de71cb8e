"""The verdict bites: a round with a planted bug does not pass."""

from pathlib import Path

import pytest

from chaos.bugs import BUGS
from chaos.campaign import round_of_chaos
from chaos.verdict import assert_one_at_a_time

CHEAP = "a finished run lands twice"
ROUND_S = 20.0
SEEDS = 3


def assert_seen(bug: str, tmp_path: Path, seeds: int, seconds: float) -> None:
    for seed in range(seeds):
        try:
            round_of_chaos(tmp_path / str(seed), seed, seconds, bug)
        except AssertionError:
            return
    pytest.fail(f"not seen in {seeds} rounds")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_run_that_lands_twice_is_seen(tmp_path: Path) -> None:
    assert_seen(CHEAP, tmp_path, 1, 1.0)


@pytest.mark.campaign
@pytest.mark.parametrize("bug", sorted(BUGS.keys() - {CHEAP}))
def test_a_planted_bug_is_seen(bug: str, tmp_path: Path) -> None:
    assert_seen(bug, tmp_path, SEEDS, ROUND_S)


def test_agents_of_one_ticket_follow_one_another() -> None:
    assert_one_at_a_time("calm", [])
    assert_one_at_a_time("killed once", ["begins 1", "begins 2", "ends 2"])


@pytest.mark.parametrize(
    "lines",
    [
        ["begins 1", "begins 1", "ends 1"],
        ["begins 1", "ends 1", "begins 2", "ends 2", "ends 2"],
        ["begins 1", "begins 2", "ends 1", "ends 2"],
    ],
)
def test_an_agent_beside_another_is_seen(lines: list[str]) -> None:
    with pytest.raises(AssertionError):
        assert_one_at_a_time("plain", lines)
