"""What a profile lets a run have is in force before its program starts."""

import errno
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.shims import Shims, shims_under

MIB = 1 << 20
FORKS = "for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done; wait"


@pytest.fixture
def shims(tmp_path: Path) -> Iterator[Shims]:
    with shims_under(tmp_path) as started:
        yield started


def test_the_agent_s_process_has_what_was_asked_for_and_its_shim_has_not(
    shims: Shims,
) -> None:
    code = (
        "import resource; limit = resource.getrlimit\n"
        "print(limit(resource.RLIMIT_AS), limit(resource.RLIMIT_FSIZE), "
        "limit(resource.RLIMIT_NOFILE), os.getpriority(os.PRIO_PROCESS, 0), "
        "open('/proc/self/oom_score_adj').read().strip(), flush=True)\n"
        "sys.stdin.read()\nimport time; time.sleep(1000)"
    )
    wanted = {
        "file_size_bytes": 5 * MIB,
        "open_files": 64,
        "nice": 7,
        "oom_score_adj": 500,
        "address_space_bytes": 512 * MIB,
    }
    shim = shims.python(code, resources=wanted)
    shim.says("500")
    have = f"{(512 * MIB,) * 2} {(5 * MIB,) * 2} (64, 64) 7 500\n"
    assert shim.stdout == have
    assert resource.prlimit(shim.identity.pid, resource.RLIMIT_AS)[0] != 512 * MIB
    shim.signal(signal.SIGTERM)
    shim.end()


def test_input_and_output_wait_behind_everybody_s(shims: Shims) -> None:
    idle = 3 << 13
    code = (
        "import ctypes, platform\n"
        "get = {'x86_64': 252, 'aarch64': 31}[platform.machine()]\n"
        "print(ctypes.CDLL(None).syscall(get, 1, 0))"
    )
    shim = shims.python(code, resources={"io_priority": idle})
    assert shim.end().code == 0
    assert int(shim.stdout) >> 13 == idle >> 13


def test_what_cannot_be_had_is_told_in_words_and_starts_nothing(shims: Shims) -> None:
    """Also root is refused more descriptors than the kernel has."""
    shim = shims.sh("echo started", resources={"open_files": 1 << 30})
    record = shim.end()
    assert (record.reason, record.code) == ("spawn_failed", None)
    assert record.errno in {errno.EINVAL, errno.EPERM}
    assert "open_files = 1073741824 is more than it may have here" in record.message
    assert shim.stdout == ""


def test_more_processes_than_the_run_may_have_end_it(shims: Shims) -> None:
    record = shims.sh(FORKS, resources={"processes": 5}).end()
    assert record.reason == "over_budget"
    assert "over processes = 5" in record.message
    assert record.proof == "subreaper"


def test_more_memory_than_the_run_may_have_ends_it(shims: Shims) -> None:
    """Of the tree as a whole: neither of the two is over it."""
    grow = "b = bytearray(os.urandom(1)) * (48 << 20)\n"
    code = f"{grow}\nos.fork()\n{grow}\nimport time; time.sleep(1000)"
    record = shims.python(code, resources={"memory_bytes": 80 * MIB}).end()
    assert record.reason == "over_budget"
    assert "over memory_bytes" in record.message


def test_what_stays_within_its_limits_is_left_alone(shims: Shims) -> None:
    within = {"processes": 9, "memory_bytes": 512 * MIB}
    record = shims.sh("sleep 1.5; echo done", resources=within).end()
    assert (record.reason, record.code) == ("exited", 0)
