"""Thousands of simulated hours in which everything goes wrong that can."""

import os
import time
from collections.abc import Callable

import pytest

from sim.story import shrink, told
from sim.swarm import CALM
from sim.swarms import Sums, live_through
from sim.world import simulate

SEEDS = 212
RARE = (
    "added twice, once made",
    "adopted",
    "asked again: Away",
    "asked again: StoreFailed",
    "assigned twice",
    "cancel acknowledged",
    "cancelled between claim and start",
    "daemon left: disk failed",
    "declined",
    "ended: auth",
    "ended: cancelled",
    "ended: deferred",
    "ended: host_lost",
    "ended: rate_limited",
    "ended: shutdown",
    "ended: stalled",
    "ended: timeout",
    "ended: worker_lost",
    "fenced hello",
    "finished twice",
    "finished, not live",
    "found lost, and ended",
    "landed before",
    "leases found by a new daemon",
    "poison ticket set aside",
    "reaped: cancelled",
    "reaped: exited",
    "reaped: lost",
    "refused by the disk, landed later",
    "result found on disk",
    "run_transferred",
    "said again after an overflow",
    "silent worker killed",
    "stop escalated to KILL",
    "task_due",
    "turn refused",
    "worker FATAL",
)
"""What must have happened somewhere, or the seeds do not prove what they seem to."""


def _story(sums: Sums) -> str:
    if not sums.wrong:
        return ""
    seed = min(sums.wrong)
    others = "\n".join(f"seed {each}: {text}" for each, text in sums.wrong.items())
    return f"{others}\n\n{told(seed, *shrink(seed, simulate(seed)))}"


def test_a_calm_world_finishes_its_tickets() -> None:
    outcome = simulate(1, CALM)
    assert outcome.violations == []
    assert outcome.counts["ended: well"] > 10


def test_the_same_seed_gives_the_same_trace() -> None:
    first, again = simulate(6), simulate(6)
    assert first.trace == again.trace
    assert first.digest == again.digest


def test_another_process_sees_the_same_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """No order of a hash, no address and no clock has a say."""
    here = simulate(6)
    monkeypatch.setenv("PYTHONHASHSEED", "4711")
    sums = live_through(6, 1, lambda: None, until=lambda: False)
    assert sums.digests == {6: here.digest}


def test_another_seed_gives_another_trace() -> None:
    assert simulate(6).digest != simulate(7).digest


def test_seed_22_a_declined_run_is_not_begun_by_the_next_start() -> None:
    """Its end waited for a slow commit when its worker's next start said hello."""
    assert simulate(22).violations == []


def test_seed_4_a_worker_that_leaves_is_not_given_the_same_ticket_for_ever() -> None:
    """A stranger had sent it SIGTERM while another run of it went on."""
    assert simulate(4).violations == []


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_no_seed_shows_anything_wrong(
    still_alive: Callable[[], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    sums = live_through(0, SEEDS, still_alive, until=lambda: False)
    with capsys.disabled():
        print(f"\n{sums.line()}")  # noqa: T201 - it is what the seeds are for
    assert not sums.wrong, _story(sums)
    assert sums.seeds == SEEDS
    assert sums.hours >= 1_000
    assert sums.faults.total() >= 100_000
    assert [each for each in RARE if not sums.counts[each]] == []


@pytest.mark.campaign
def test_no_seed_of_a_campaign_shows_anything_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """For ``KANBAN_CAMPAIGN_S`` seconds (an hour), from ``KANBAN_CAMPAIGN_SEED`` on
    (else from the clock's)."""
    seconds = float(os.environ.get("KANBAN_CAMPAIGN_S", "3600"))
    first = int(os.environ.get("KANBAN_CAMPAIGN_SEED", str(int(time.time()))))
    end = time.monotonic() + seconds
    sums = live_through(
        first, 10_000_000, lambda: None, until=lambda: time.monotonic() > end
    )
    with capsys.disabled():
        print(f"\nfrom seed {first} on: {sums.line()}")  # noqa: T201
    assert not sums.wrong, _story(sums)
