"""Rounds of chaos: each a system of its own, broken for a while, healed and judged."""

from collections import Counter
from pathlib import Path
from typing import Final

from chaos.ground import Ground
from chaos.load import Load
from chaos.storm import Storm
from chaos.verdict import (
    assert_accounted,
    assert_well,
    descriptors,
    shut_down,
    stands_still,
)
from support.repositories import make_repository

HALF_HOUR_S: Final = 1_800.0
LEAST: Final[dict[str, int]] = {
    "kill": 1_000,
    "kill daemon": 50,
    "kill spawner": 20,
    "kill worker": 100,
    "kill shim": 50,
    "kill agent": 50,
    "stop": 100,
    "clock": 50,
    "full": 20,
    "eio": 20,
    "slow": 20,
    "files": 20,
    "filled": 10,
    "daemon left: disk failed": 10,
    "run finished": 300,
    "run worker_lost": 30,
    "event cancel_wanted": 10,
    "event task_due": 30,
    "cancelled": 20,
    "added before, unheard": 1,
}
"""What half an hour must have seen, or it does not prove what it seems to."""


def round_of_chaos(
    root: Path, seed: int, seconds: float, bug: str = ""
) -> Counter[str]:
    """One system, its storm and its verdict; returns what happened."""
    root.mkdir()
    ground = Ground(root, bug)
    try:
        return _live(ground, seed, seconds, make_repository(root / "repository"))
    finally:
        ground.close()


def _live(ground: Ground, seed: int, seconds: float, repository: Path) -> Counter[str]:
    ground.start()
    stands_still(ground)
    files = descriptors(ground.daemon.pid)
    storm = Storm(ground, seed)
    load = Load(ground, seed, repository)
    with load:
        storm.rage(seconds)
    load.settle()
    stands_still(ground)
    unlucky = assert_accounted(ground, load)
    if unlucky:
        ground.ctl("retry", *map(str, unlucky))
    status = stands_still(ground)
    assert [n for n in unlucky if ground.ticket(n).state == "failed"] == []
    assert_well(ground, status, files)
    return storm.struck + load.counts + shut_down(ground, load)


def lacking(counts: Counter[str], seconds: float, *, small_disk: bool) -> list[str]:
    """What happened too seldom for so long a time."""
    share = seconds / HALF_HOUR_S
    return [
        f"{name}: {counts[name]} of {int(least * share)}"
        for name, least in LEAST.items()
        if counts[name] < int(least * share) and (small_disk or name != "filled")
    ]


def told(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
