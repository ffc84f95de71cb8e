"""What is left when a shim is lost, and how it is found, ended and told."""

import asyncio
import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from kanban_ipc import layout
from kanban_worker import reap as program
from kanban_worker.shell import attach
from kanban_worker.shell.launch import (
    DirectLauncher,
    LaunchError,
    LaunchRefusedError,
)
from kanban_worker.shell.reaping import reap
from kanban_worker.shell.rundir import (
    Alive,
    Exited,
    ExitRecord,
    Lost,
    Prepared,
    no_shim,
    state_of,
    write_durable,
)
from kanban_worker.shell.sweep import sweep
from support import traces
from support.deadline import eventually
from support.shims import Shim, Shims, shims_under, spec_of

SCATTERED = (
    "setsid sh -c 'trap \"\" TERM; sleep 1000; :' & (setsid sleep 1000 &) ;"
    "echo up; sleep 1000; :"
)


@pytest.fixture
def shims(tmp_path: Path) -> Iterator[Shims]:
    with shims_under(tmp_path) as started:
        yield started


def lose(shims: Shims, script: str = SCATTERED, **changes: object) -> Shim:
    """A run whose shim was killed."""
    shim = shims.sh(script, **changes)
    eventually(lambda: len(shim.agents()) >= 5, "the agent's tree stands")
    shim.signal(signal.SIGKILL)
    return shim


def test_a_lost_shim_takes_its_agent_along_and_the_sweep_the_rest(
    shims: Shims,
) -> None:
    shim = lose(shims)
    agent = shim.identity.agent_pid
    state = asyncio.run(attach.ended(shim.run_dir))
    assert state == Lost(detail="no shim, and no exit record")
    eventually(lambda: agent not in shim.agents(), "PDEATHSIG has reached the agent")
    assert shim.agents() != []
    swept = sweep(shim.spec.run_id, grace_s=0.2)
    assert swept.survivors == ()
    assert swept.killed >= 3
    assert shim.agents() == []


def test_reaping_a_lost_run_is_final_and_repeatable(
    shims: Shims, capsys: pytest.CaptureFixture[str]
) -> None:
    shim = lose(shims)
    for _ in range(2):
        assert program.main(str(shim.run_dir), 0.2) == 0
        said = json.loads(capsys.readouterr().out)
        assert (said["outcome"], said["proof"]) == ("lost", "sweep")
        assert (said["survivors"], said["exit"]) == ([], None)
    assert shim.agents() == []
    with pytest.raises(LaunchRefusedError):
        DirectLauncher().launch(shim.run_dir, shim.spec)


def test_reaping_a_living_run_cancels_it(
    shims: Shims, capsys: pytest.CaptureFixture[str]
) -> None:
    shim = shims.sh(SCATTERED, grace_s=0.3)
    eventually(lambda: len(shim.agents()) >= 5, "the agent's tree stands")
    for _ in range(2):
        assert program.main(str(shim.run_dir), 5.0) == 0
        said = json.loads(capsys.readouterr().out)
        assert (said["outcome"], said["proof"]) == ("cancelled", "subreaper")
        assert said["exit"]["reason"] == "cancelled"


def test_reaping_a_run_that_is_over_repeats_its_record(
    shims: Shims, capsys: pytest.CaptureFixture[str]
) -> None:
    shim = shims.sh("exit 9")
    record = shim.end()
    assert program.main(str(shim.run_dir), 1.0) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["outcome"] == "exited"
    assert msgspec.convert(said["exit"], ExitRecord) == record


def test_a_reaped_run_can_never_be_launched(shims: Shims) -> None:
    """A worker that was frozen since its assignment finds the door shut."""
    spec = spec_of(("sleep", "1000"))
    run_dir = shims.root / spec.run_id
    assert asyncio.run(reap(run_dir, 1.0)).outcome == "lost"
    with pytest.raises(LaunchRefusedError, match="is over"):
        DirectLauncher().launch(run_dir, spec)
    assert isinstance(state_of(run_dir), Lost)


def test_a_run_is_launched_once(shims: Shims) -> None:
    shim = shims.sh("exec sleep 1000")
    with pytest.raises(LaunchRefusedError, match="launched before"):
        DirectLauncher().launch(shim.run_dir, shim.spec)
    assert len(shim.agents()) == 1


def test_nothing_starts_while_the_run_is_being_given_up(shims: Shims) -> None:
    spec = spec_of(("sleep", "1000"))
    run_dir = shims.prepare(spec)
    with no_shim(run_dir) as none:
        assert none
        with pytest.raises(LaunchRefusedError, match="given up"):
            DirectLauncher().launch(run_dir, spec)
    assert isinstance(state_of(run_dir), Prepared)


def test_a_shim_that_does_not_start_is_told_and_the_run_is_lost(
    shims: Shims, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of(("sleep", "1000"))
    run_dir = shims.prepare(spec)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(LaunchError, match="did not start"):
        DirectLauncher().launch(run_dir, spec)
    assert isinstance(state_of(run_dir), Lost)


def test_an_agent_that_cannot_be_identified_is_not_left_running(
    shims: Shims,
) -> None:
    spec = spec_of(("sleep", "1000"))
    shim = Shim(shims.prepare(spec), spec)
    shims.launched.append(shim)
    (shim.run_dir / "shim.json.tmp").mkdir()
    DirectLauncher().launch(shim.run_dir, spec)
    record = shim.end()
    assert (record.reason, record.errno) == ("spawn_failed", errno.EISDIR)
    assert shim.agents() == []


def test_the_lock_tells_life_from_death(shims: Shims) -> None:
    shim = shims.sh("exec sleep 1000")
    assert state_of(shim.run_dir) == Alive(shim.identity)
    shim.signal(signal.SIGTERM)
    record = shim.end()
    assert state_of(shim.run_dir) == Exited(record)
    with no_shim(shim.run_dir, patience_s=5) as none:
        assert none


def test_a_launch_in_an_earlier_boot_is_the_hosts_loss(shims: Shims) -> None:
    shim = lose(shims)
    earlier = msgspec.structs.replace(shim.spec, boot_id="another boot")
    write_durable(shim.run_dir / layout.RUN_SHIM_SPEC, msgspec.json.encode(earlier))
    state = asyncio.run(attach.ended(shim.run_dir))
    assert isinstance(state, Lost)
    assert state.host_restarted


def test_a_recycled_pid_is_neither_awaited_nor_signalled(shims: Shims) -> None:
    shim = lose(shims)
    mine = msgspec.structs.replace(shim.identity, pid=os.getpid())
    write_durable(shim.run_dir / layout.RUN_SHIM, msgspec.json.encode(mine))
    assert not attach.tell(shim.run_dir, signal.SIGKILL)
    assert asyncio.run(attach.gone(mine)) is False
    assert isinstance(asyncio.run(attach.ended(shim.run_dir)), Lost)


def test_a_sweep_goes_by_the_whole_nonce_alone(shims: Shims) -> None:
    shim = shims.sh("exec sleep 1000")
    prefix = shim.spec.run_id[:-1]
    assert sweep(type(shim.spec.run_id)(prefix), grace_s=0).killed == 0
    assert state_of(shim.run_dir) == Alive(shim.identity)


FULL_DISK = """
import json, os, subprocess, sys
from pathlib import Path
root = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", root], check=True)
from kanban_worker.shell.launch import DirectLauncher, LaunchError
from kanban_worker.shell.rundir import state_of
from support.shims import Shims, spec_of
fill = "cat /dev/zero > fill 2>&-; while echo x >> more; do :; done 2>&-; exit 7"
shim = Shims(root).sh(fill, cwd=str(root))
record = shim.end()
pages = 0
try:
    # The kernel counts a tmpfs's pages by processor, give or take a few.
    while pages < 1000:
        (root / f"page{pages}").write_bytes(b"x")
        pages += 1
except OSError:
    pass
print(json.dumps([pages < 32, record.reason, record.code, record.proof]))
spec = spec_of(("true",))
(root / spec.run_id).mkdir()
try:
    DirectLauncher().launch(root / spec.run_id, spec)
except LaunchError as error:
    state = state_of(root / spec.run_id)
    print(json.dumps([error.__cause__.errno, type(state).__name__]))
"""


def test_a_full_disk_loses_no_exit_record_and_launches_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        ["unshare", "-rm", sys.executable, "-c", FULL_DISK, str(tmp_path)],
        capture_output=True,
        check=False,
        timeout=60,
    )
    if b"mount:" in done.stderr or b"unshare:" in done.stderr:
        pytest.skip(f"no mount of its own here: {done.stderr.decode()}")
    ended, refused = map(json.loads, done.stdout.splitlines())
    assert ended == [True, "exited", 7, "subreaper"]
    assert refused == [errno.ENOSPC, "Prepared"]


def test_fifty_runs_at_once_end_each_with_its_own_code(shims: Shims) -> None:
    async def launch_all() -> list[Shim]:
        runs = []
        for code in range(50):
            spec = spec_of(("sh", "-c", f"sleep 0.2 & wait; exit {code}"))
            runs.append(Shim(shims.prepare(spec), spec))
        shims.launched.extend(runs)
        launcher = DirectLauncher()
        await asyncio.gather(
            *(asyncio.to_thread(launcher.launch, run.run_dir, run.spec) for run in runs)
        )
        return runs

    runs = asyncio.run(launch_all())
    assert [run.end().code for run in runs] == list(range(50))
    assert [pid for run in runs for pid in run.agents()] == []


SOMEBODY_ELSE = """
if os.fork() == 0:
    if os.fork() == 0:
        os.setuid(65534)
        print('up', flush=True)
        signal.pause()
    os._exit(0)
os.wait()
"""
WITHOUT_CAP_KILL = """
import json, sys
from pathlib import Path
from support import shims
run = shims.Shims(Path(sys.argv[1]))
shim = run.python(sys.argv[2] + "signal.pause()", grace_s=0.1)
shim.says("up")
shim.signal(shims.signal.SIGTERM)
record = shim.end(timeout_s=60)
print(json.dumps([record.reason, record.signal, record.proof, record.leftovers_killed]))
"""


@pytest.mark.root
def test_a_child_that_may_not_be_killed_costs_the_proof_and_not_the_record(
    tmp_path: Path,
) -> None:
    """As one that has become root by sudo; here the shim has lost the capability."""
    limited = ["setpriv", "--bounding-set=-kill"]
    python = [sys.executable, "-c", WITHOUT_CAP_KILL, str(tmp_path), SOMEBODY_ELSE]
    try:
        done = subprocess.run(
            [*limited, *python],
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == ["cancelled", signal.SIGTERM, "none", 0]
    finally:
        traces.end_all([f"KANBAN_RUN_ID={path.name}" for path in tmp_path.iterdir()])
