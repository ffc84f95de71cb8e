"""What the end of a worker's process means."""

import signal

import pytest

from kanband.core.exits import End, ExitKind, classify, signal_name
from kanband.core.workers import Event

SAID = {"said_hello": True}


@pytest.mark.parametrize(
    ("end", "kind", "event", "reason"),
    [
        (End(0, None, stopping=True), "expected", "ended", "stopped on request"),
        (End(None, 9, stopping=True), "expected", "ended", "killed by SIGKILL"),
        (End(1, None), "before_hello", "failed", "exit code 1 before hello"),
        (End(0, None), "before_hello", "failed", "exit code 0 before hello"),
        (
            End(None, 6, put_down="no hello within 10 s"),
            "before_hello",
            "failed",
            "no hello within 10 s: killed by SIGABRT",
        ),
        (
            End(None, 6, said_hello=True, put_down="silent"),
            "killed",
            "crashed",
            "silent: killed by SIGABRT",
        ),
        (
            End(0, None, said_hello=True, goodbye="drained"),
            "expected",
            "left",
            "left by itself: drained",
        ),
        (
            End(None, None, said_hello=True, goodbye="recycled"),
            "expected",
            "left",
            "recycled",
        ),
        (End(0, None, said_hello=True), "expected", "left", "exit code 0"),
        (End(1, None, said_hello=True), "crashed", "crashed", "exit code 1"),
        (End(2, None, said_hello=True), "crashed", "crashed", "refused by the daemon"),
        (End(None, 11, said_hello=True), "killed", "crashed", "killed by SIGSEGV"),
        (
            End(None, None, said_hello=True),
            "not_observed",
            "crashed",
            "exit not observed",
        ),
    ],
)
def test_an_end_is_classified(
    end: End, kind: ExitKind, event: Event, reason: str
) -> None:
    verdict = classify(end)
    assert (verdict.kind, verdict.event) == (kind, event)
    assert reason in verdict.reason


def test_a_real_time_signal_has_its_number() -> None:
    assert signal_name(0) == "signal 0"
    for number in (signal.SIGHUP, signal.SIGKILL, signal.SIGTERM, signal.SIGSYS):
        assert signal_name(number) == number.name
    assert signal_name(40) == "signal 40"
