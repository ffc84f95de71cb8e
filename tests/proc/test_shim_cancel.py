"""A cancelled run is gone within its grace and a second, whatever it is made of."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kanban_worker.shell import attach
from kanban_worker.shell.rundir import Exited, ExitRecord, Lost, no_shim
from support.deadline import eventually
from support.shims import Shim, Shims, shims_under

STUBBORN = "trap '' TERM; while :; do sleep 1000; done"


@pytest.fixture
def shims(tmp_path: Path) -> Iterator[Shims]:
    with shims_under(tmp_path) as started:
        yield started


SOON_S = 4.0
"""Less than the grace, which is not waited for; usual are milliseconds."""


def cancel(shim: Shim, grace_s: float = 5.0) -> tuple[ExitRecord, float]:
    """The record, and the seconds until it was there."""
    began = time.monotonic()
    state = asyncio.run(attach.cancel(shim.run_dir, grace_s))
    assert isinstance(state, Exited), state
    return state.record, time.monotonic() - began


def test_an_agent_that_obeys_is_gone_at_once(shims: Shims) -> None:
    shim = shims.sh("trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 1; done")
    shim.says("up")
    record, took_s = cancel(shim)
    assert (record.reason, record.code) == ("cancelled", 7)
    assert "bye" in shim.stdout
    assert took_s < SOON_S


def test_children_in_sessions_of_their_own_that_ignore_term_are_killed(
    shims: Shims,
) -> None:
    shim = shims.sh(
        f'setsid sh -c "{STUBBORN}" & setsid setsid sh -c "{STUBBORN}" &'
        f'(setsid sh -c "{STUBBORN}" &) ; {STUBBORN}',
        grace_s=1.0,
    )
    eventually(lambda: len(shim.agents()) == 8, "all eight processes are there")
    record, took_s = cancel(shim)
    assert (record.reason, record.signal) == ("cancelled", signal.SIGKILL)
    assert record.proof == "subreaper"
    assert 1.0 <= took_s < 1.0 + SOON_S
    assert shim.agents() == []


def test_stopped_processes_hear_the_order_too(shims: Shims) -> None:
    shim = shims.sh(
        "(kill -STOP $(sh -c 'echo $PPID'); echo no) & echo up; kill -STOP $$"
    )
    shim.says("up")
    record, took_s = cancel(shim)
    assert (record.reason, record.signal) == ("cancelled", signal.SIGTERM)
    assert took_s < SOON_S


def test_a_second_order_skips_the_rest_of_the_grace(shims: Shims) -> None:
    shim = shims.sh(f"{STUBBORN} & {STUBBORN}", grace_s=1000)
    eventually(lambda: len(shim.agents()) == 4, "the agent ignores TERM")
    record, took_s = cancel(shim, grace_s=0.3)
    assert (record.reason, record.signal) == ("cancelled", signal.SIGKILL)
    assert took_s < 0.3 + SOON_S


def test_an_end_before_the_order_stays_the_agents_own(shims: Shims) -> None:
    # It must be deaf to TERM before the agent's end has it asked to leave.
    left = STUBBORN.replace(";", "; echo deaf;", 1)
    wait = f"until grep -q deaf {shims.root}/*/stdout.log; do :; done"
    shim = shims.sh(f'setsid sh -c "{left}" & {wait}; exit 5', grace_s=3.0)
    eventually(lambda: len(shim.agents()) == 2, "only what is left behind")
    record, _ = cancel(shim)
    assert (record.reason, record.code) == ("exited", 5)


def test_a_stopped_shim_is_woken_by_the_order(shims: Shims) -> None:
    shim = shims.sh("exec sleep 1000")
    shim.signal(signal.SIGSTOP)
    record, took_s = cancel(shim)
    assert record.reason == "cancelled"
    assert took_s < SOON_S


def test_hangups_and_interrupts_are_not_orders(shims: Shims) -> None:
    shim = shims.sh("exec sleep 0.4")
    shim.signal(signal.SIGHUP, signal.SIGINT)
    assert shim.end().reason == "exited"


@pytest.mark.parametrize(
    "storm",
    [
        # Each generation leaves the next one to the shim and dies.
        "while True:\n    if os.fork(): os._exit(0)\n    os.setsid()",
        # The same, three chains at once.
        "os.fork() and os.fork()\nwhile True:\n    if os.fork(): os._exit(0)",
        # A parent that replaces its children as fast as they die.
        "signal.signal(17, 1)\nwhile True:\n    os.fork() or os._exit(0)",
    ],
)
def test_a_storm_of_forks_is_ended(shims: Shims, storm: str) -> None:
    ignore = "signal.signal(15, signal.SIG_IGN)\nprint('up')\n"
    shim = shims.python(ignore + storm, grace_s=0.2, run_s=20)
    shim.says("up")
    record, took_s = cancel(shim)
    assert record.proof == "subreaper"
    assert took_s < 5.0
    assert shim.agents() == []


def test_nothing_is_signalled_once_the_shim_is_gone(shims: Shims) -> None:
    shim = shims.sh("exit 0")
    shim.end()
    with no_shim(shim.run_dir, patience_s=5) as none:
        assert none
    # The lock is free a moment before the process has ended.
    eventually(lambda: not attach.tell(shim.run_dir, signal.SIGTERM), "it has ended")


def test_a_shim_that_cannot_answer_is_killed_and_its_agent_with_it(
    shims: Shims,
) -> None:
    """Held in a stop by somebody who repeats it faster than SIGCONT comes."""
    shim = shims.sh("exec sleep 1000", grace_s=1000)
    tracer = (
        "import ctypes, os, sys\n"
        "libc = ctypes.CDLL(None)\n"
        f"pid = {shim.identity.pid}\n"
        "assert libc.ptrace(16, pid, 0, 0) == 0\n"  # PTRACE_ATTACH: stops, and stays so
        "os.waitpid(pid, 0)\n"
        "print('holds', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", tracer], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        if holder.stdout.readline() != b"holds\n":
            holder.kill()
            pytest.skip("ptrace is not allowed here")
        agent = shim.identity.agent_pid
        state = asyncio.run(attach.cancel(shim.run_dir, 0.2))
        assert isinstance(state, Lost)
        eventually(lambda: agent not in shim.agents(), "the agent died with its shim")
        holder.kill()
