"""A stop's patience and its proof."""

import pytest

from kanban_ipc.words import Proof
from kanband.core.stopping import MARGIN_S, earlier, patience, weakest


def test_the_daemon_waits_longer_than_the_worker() -> None:
    granted = patience(now=False, stop_timeout_s=60.0, grace_s=10.0)
    assert granted.drain_s == 60.0
    assert granted.kill_after_s == 60.0 + 10.0 + MARGIN_S


def test_now_skips_the_drain_and_keeps_the_grace() -> None:
    granted = patience(now=True, stop_timeout_s=60.0, grace_s=10.0)
    assert granted.drain_s == 0.0
    assert granted.kill_after_s == 10.0 + MARGIN_S


def test_a_stop_is_hurried_and_never_slowed_down() -> None:
    slow = patience(now=False, stop_timeout_s=60.0, grace_s=10.0)
    fast = patience(now=True, stop_timeout_s=60.0, grace_s=10.0)
    first = earlier(None, 100.0, slow)
    assert first == 185.0
    assert earlier(first, 110.0, slow) == first
    assert earlier(first, 110.0, fast) == 135.0


@pytest.mark.parametrize(
    ("proofs", "gone", "level"),
    [
        ([], True, "subreaper"),
        ([], False, "none"),
        (["cgroup"], True, "subreaper"),
        (["subreaper", "sweep"], True, "sweep"),
        (["subreaper", "none"], True, "none"),
        (["cgroup"], False, "none"),
    ],
)
def test_the_proof_of_a_stop_is_its_weakest(
    proofs: list[Proof], gone: bool, level: Proof
) -> None:
    assert weakest(proofs, process_gone=gone) == level
