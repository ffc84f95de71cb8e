"""The verdict bites: a round with a planted bug does not pass."""

import re
import subprocess
from pathlib import Path

import pytest

from chaos.bugs import BUGS
from chaos.campaign import round_of_chaos
from chaos.ground import Ground
from chaos.verdict import assert_alone, assert_one_at_a_time
from support.system import TOKEN

LANDS_TWICE = "a finished run lands twice"
SEEN = {
    LANDS_TWICE: r"Violation\(invariant=",
    "a slot is not given back": "stands still|these faults found nobody",
    "leases are not recovered": "stands still|these faults found nobody",
}
"""In which words."""
ROUND_S = 20.0
SEEDS = 3


def assert_seen(bug: str, tmp_path: Path, seeds: int, seconds: float) -> None:
    said = ""
    for seed in range(seeds):
        try:
            round_of_chaos(tmp_path / str(seed), seed, seconds, bug)
        except AssertionError as error:
            said = str(error)
            break
    assert re.search(SEEN[bug], said), said or f"not seen in {seeds} rounds"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_run_that_lands_twice_is_seen(tmp_path: Path) -> None:
    assert_seen(LANDS_TWICE, tmp_path, 1, 1.0)


@pytest.mark.campaign
@pytest.mark.parametrize("bug", sorted(BUGS.keys() - {LANDS_TWICE}))
def test_a_planted_bug_is_seen(bug: str, tmp_path: Path) -> None:
    assert_seen(bug, tmp_path, SEEDS, ROUND_S)


def test_a_process_that_outlives_its_run_is_seen(tmp_path: Path) -> None:
    ground = Ground(tmp_path / "ground")
    environment = {"KANBAN_RUN_ID": "a run", TOKEN: ground.token}
    left = subprocess.Popen(["sleep", "60"], env=environment)
    try:
        assert_alone(ground, {left.pid})
        with pytest.raises(AssertionError, match="sleep 60"):
            assert_alone(ground, set(), within_s=0.1)
    finally:
        left.kill()
        left.wait()
        ground.close()


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
