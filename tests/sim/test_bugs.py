"""The checks bite: every planted bug is seen within a few seeds."""

import msgspec
import pytest

from sim.bugs import BUGS, NEEDS
from sim.swarm import Swarm
from sim.world import simulate

SEEDS = 12
ROUGH = Swarm(
    hours=0.7,
    beat_s=15.0,
    tickets=24,
    in_place=True,
    repo_limit=1,
    late=0.1,
    lost=0.03,
    doubled=0.1,
    cuts=20.0,
    survives_cut=0.3,
    daemon_kills=6.0,
    dies_at_commit=0.01,
    worker_kills=12.0,
    worker_stalls=4.0,
    worker_stillborn=0.2,
    dies_at_step=0.03,
    shim_kills=6.0,
    disk_fills=1.0,
    agent_s=120.0,
    agent_fails=0.4,
    poison=0.2,
    meddling=20.0,
)
"""Some of everything, so that no planted bug needs a world of its own."""


def test_without_a_bug_the_rough_world_shows_nothing_wrong() -> None:
    for seed in range(3):
        assert simulate(seed, ROUGH).violations == []


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_seen(bug: str) -> None:
    swarm = msgspec.structs.replace(ROUGH, **NEEDS.get(bug, {}))
    with BUGS[bug]():
        assert any(simulate(seed, swarm).violations for seed in range(SEEDS))
