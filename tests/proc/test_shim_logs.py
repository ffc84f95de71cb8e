"""A log over its limit loses its middle, visibly, and never its offsets."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kanban_ipc import layout
from kanban_worker.shell.rundir import read_cuts
from support.deadline import eventually
from support.shims import Shims, shims_under

CAP = 256 << 10
LINES = "import os\nfor n in range(200_000): os.write(1, b'line %08d\\n' % n)"


@pytest.fixture
def shims(tmp_path: Path) -> Iterator[Shims]:
    with shims_under(tmp_path) as started:
        yield started


def test_the_first_and_last_half_stay_and_the_cut_is_marked(shims: Shims) -> None:
    shim = shims.python(LINES, log_bytes=CAP)
    record = shim.end()
    log = shim.run_dir / layout.RUN_STDOUT
    data = log.read_bytes()
    start, end = read_cuts(shim.run_dir)[layout.RUN_STDOUT]
    whole = b"".join(b"line %08d\n" % n for n in range(200_000))
    assert record.log_cut
    assert record.output_bytes == len(data) == len(whole)
    assert data[:start] == whole[:start]
    assert data[end:] == whole[end:]
    assert CAP // 2 <= start <= CAP // 2 + 4096
    assert f"{end - start} bytes cut here" in data[start : start + 100].decode()
    assert data[:start].endswith(b"\n")
    assert data[end:].startswith(b"line ")
    assert log.stat().st_blocks * 512 <= CAP + CAP // 8 + 16384 + 8192
    assert "log_bytes" in record.warned


def test_the_other_log_is_left_alone(shims: Shims) -> None:
    shim = shims.python(LINES + "\nos.write(2, b'why\\n')", log_bytes=CAP)
    shim.end()
    assert list(read_cuts(shim.run_dir)) == [layout.RUN_STDOUT]
    assert (shim.run_dir / layout.RUN_STDERR).read_text() == "why\n"


def test_a_flood_is_held_near_the_limit(shims: Shims) -> None:
    cap = 8 << 20
    shim = shims.sh("exec timeout 2 cat /dev/zero", log_bytes=cap)
    log = shim.run_dir / layout.RUN_STDOUT
    sizes = []

    def watched() -> bool:
        sizes.append(log.stat().st_blocks * 512)
        return (shim.run_dir / layout.RUN_EXIT).exists()

    eventually(watched, "the flood is over")
    record = shim.end()
    assert record.output_bytes > 4 * cap, "no flood on this machine"
    # The rate is not known until two looks, 50 ms, after the first byte.
    bound = cap + max(cap, record.output_bytes // 6)
    assert max(sizes) < bound
    assert sizes[-1] <= cap + cap // 8 + (1 << 20)


def test_a_reader_of_the_cuts_never_finds_a_hole_outside_them(shims: Shims) -> None:
    shim = shims.sh("yes abcdefg | head -c 60000000", log_bytes=CAP)
    log = shim.run_dir / layout.RUN_STDOUT

    def sound() -> bool:
        with log.open("rb") as file:
            file.seek(-CAP // 4, 2) if log.stat().st_size > CAP else None
            tail_at, tail = file.tell(), file.read()
        cut = read_cuts(shim.run_dir).get(layout.RUN_STDOUT, (0, 0))
        assert b"\0" not in tail[max(cut[1] - tail_at, 0) :]
        return (shim.run_dir / layout.RUN_EXIT).exists()

    eventually(sound, "the agent is done")
    assert shim.end().log_cut


PUNCHLESS = """
import asyncio, json, os, subprocess, sys
from pathlib import Path
subprocess.run(["mount", "-t", "ramfs", "none", sys.argv[1]], check=True)
from support.shims import Shims
shim = Shims(Path(sys.argv[1])).sh("exec yes", log_bytes=1 << 20)
record = shim.end()
print(json.dumps([record.reason, record.message, record.output_bytes]))
"""


def test_where_holes_cannot_be_punched_the_run_ends_over_budget(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        ["unshare", "-rm", sys.executable, "-c", PUNCHLESS, str(tmp_path)],
        capture_output=True,
        check=False,
        timeout=60,
    )
    if b"mount:" in done.stderr or b"unshare:" in done.stderr:
        pytest.skip(f"no mount of its own here: {done.stderr.decode()}")
    reason, message, size = json.loads(done.stdout)
    assert reason == "over_budget"
    assert "punch" in message
    assert size > 4 << 20
