"""Real processes, broken in every way that a machine allows; the sums must be right."""

import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.campaign import HALF_HOUR_S, lacking, round_of_chaos, told
from chaos.storm import FAULTS

SHORT_S = 4.0
ROUND_S = 40.0
IS_ROOT = os.geteuid() == 0


@pytest.fixture
def tell(capfd: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Say it on the terminal, also when the test passes."""

    def say(line: str) -> None:
        with capfd.disabled():
            sys.stdout.write(f"\n{line}\n")

    return say


def first_seed() -> int:
    given = os.environ.get("KANBAN_CAMPAIGN_SEED")
    return int(given) if given else random.SystemRandom().randrange(1 << 32)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_round_of_chaos_loses_nothing_and_leaves_nothing(
    tmp_path: Path, tell: Callable[[str], None]
) -> None:
    seed = first_seed()
    tell(f"chaos: seed {seed}; again with KANBAN_CAMPAIGN_SEED={seed}")
    counts = round_of_chaos(tmp_path / "round", seed, SHORT_S)
    tell(f"chaos: {told(counts)}")
    missing = [fault for fault in FAULTS if not counts[fault]]
    assert missing == ([] if IS_ROOT else ["filled"])
    assert counts["kill"] >= 10


@pytest.mark.campaign
def test_a_campaign_of_chaos_breaks_nothing(
    tmp_path: Path, tell: Callable[[str], None]
) -> None:
    """For ``KANBAN_CAMPAIGN_S`` seconds (half an hour), from
    ``KANBAN_CAMPAIGN_SEED`` on (else one that nobody has seen)."""
    seconds = float(os.environ.get("KANBAN_CAMPAIGN_S", HALF_HOUR_S))
    seed = first_seed()
    sums: Counter[str] = Counter()
    begin = time.monotonic()
    while (left_s := begin + seconds - time.monotonic()) > 0:
        tell(f"chaos: seed {seed}; again with KANBAN_CAMPAIGN_SEED={seed}")
        sums += round_of_chaos(tmp_path / str(seed), seed, min(ROUND_S, left_s))
        sums["rounds"] += 1
        tell(f"chaos: {told(sums)}")
        seed += 1
    assert lacking(sums, seconds, small_disk=IS_ROOT) == []
