"""A run's limits are the shim's own affair: they hold whoever else lives."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from support.deadline import eventually
from support.shims import Shim, Shims, shims_under, spec_of

LAUNCHER = """
import signal, sys
from pathlib import Path
import msgspec
from kanban_worker.shell.launch import DirectLauncher
from kanban_worker.shell.rundir import ShimSpec
spec = msgspec.json.decode(sys.argv[2], type=ShimSpec)
DirectLauncher().launch(Path(sys.argv[1]), spec)
print("launched", flush=True)
signal.pause()
"""


@pytest.fixture
def shims(tmp_path: Path) -> Iterator[Shims]:
    with shims_under(tmp_path) as started:
        yield started


def test_wall_time_ends_the_run_and_is_warned_of(shims: Shims) -> None:
    record = shims.sh("exec sleep 1000", run_s=0.6).end()
    assert (record.reason, record.signal) == ("timeout", signal.SIGTERM)
    assert record.warned == ("run_s",)
    assert 600 <= record.duration_ms < 3000


def test_silence_ends_the_run(shims: Shims) -> None:
    record = shims.sh("echo one; exec sleep 1000", silence_s=0.6).end()
    assert (record.reason, record.signal) == ("stalled", signal.SIGTERM)
    assert 500 <= record.duration_ms < 4000


def test_an_agent_that_speaks_is_not_stalled(shims: Shims) -> None:
    talk = "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.3; done"
    record = shims.sh(talk, silence_s=1.5).end()
    assert (record.reason, record.code) == ("exited", 0)


def test_words_after_a_long_silence_are_noticed(shims: Shims) -> None:
    """Past two seconds of silence the shim sleeps until the kernel wakes it."""
    talk = "sleep 2.6; echo one >&2; sleep 2.6; echo two; sleep 1"
    record = shims.sh(talk, silence_s=3.5).end()
    assert (record.reason, record.code) == ("exited", 0)


def test_no_limit_is_no_limit(shims: Shims) -> None:
    shim = shims.sh("sleep 0.5", run_s=0, silence_s=0, log_bytes=0)
    assert shim.end().reason == "exited"


@pytest.mark.parametrize("fate", [signal.SIGSTOP, signal.SIGKILL])
@pytest.mark.parametrize(
    ("script", "limits", "reason"),
    [
        ("exec sleep 1000", {"run_s": 0.5}, "timeout"),
        ("exec sleep 1000", {"silence_s": 0.5}, "stalled"),
    ],
)
def test_limits_hold_while_the_launcher_is_stopped_or_dead(
    shims: Shims,
    fate: signal.Signals,
    script: str,
    limits: dict[str, float],
    reason: str,
) -> None:
    spec = spec_of(("sh", "-c", script), **limits)
    shim = Shim(shims.prepare(spec), spec)
    shims.launched.append(shim)
    order = msgspec.json.encode(spec).decode()
    command = [sys.executable, "-c", LAUNCHER, str(shim.run_dir), order]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as launcher:
        assert launcher.stdout is not None
        assert launcher.stdout.readline() == b"launched\n"
        launcher.send_signal(fate)
        assert shim.end().reason == reason
        launcher.kill()


def test_time_in_which_the_shim_was_stopped_is_forgiven(shims: Shims) -> None:
    """A stop of 5 s would use up both limits; the agent then has the rest left."""
    shim = shims.sh("echo up; sleep 5.5; echo on; exit 4", run_s=5.0, silence_s=5.0)
    shim.says("up")
    shim.signal(signal.SIGSTOP)
    shim.says("on")
    shim.signal(signal.SIGCONT)
    record = shim.end()
    assert (record.reason, record.code) == ("exited", 4)


def test_after_a_stop_the_limits_still_hold(shims: Shims) -> None:
    shim = shims.sh("echo up; sleep 5; echo on; exec sleep 1000", run_s=2.0)
    shim.says("up")
    shim.signal(signal.SIGSTOP)
    shim.says("on")
    shim.signal(signal.SIGCONT)
    record = shim.end()
    assert record.reason == "timeout"
    assert record.duration_ms >= 5400


def test_an_agent_that_ignores_its_time_limit_is_killed_after_the_grace(
    shims: Shims,
) -> None:
    shim = shims.sh("trap '' TERM; sleep 1000; sleep 1000", run_s=0.3, grace_s=0.5)
    record = shim.end()
    assert (record.reason, record.signal) == ("timeout", signal.SIGKILL)
    assert record.duration_ms < 3000


def test_a_quiet_run_costs_no_processor_time(shims: Shims) -> None:
    shim = shims.sh("exec sleep 1000", silence_s=900)
    status = Path(f"/proc/{shim.identity.pid}/status")

    def switches() -> int:
        return int(
            status.read_text().partition("\nvoluntary_ctxt_switches:")[2].split()[0]
        )

    # Quiet is when the switches of two seconds in a row are one at most.
    seen = [switches()]

    def quiet() -> bool:
        seen.append(switches())
        return len(seen) > 100 and seen[-1] - seen[-100] <= 1

    eventually(quiet, "the shim sleeps for good")
