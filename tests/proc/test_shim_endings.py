"""How a run begins and ends when nobody interferes."""

import ast
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kanban_ipc import layout
from kanban_worker.shell.rundir import read_spec
from kanban_worker.shim import boot_id, pids, start_ticks, stat_of
from support.deadline import eventually
from support.shims import PATH, Shims, shims_under


@pytest.fixture
def shims(tmp_path: Path) -> Iterator[Shims]:
    with shims_under(tmp_path) as started:
        yield started


def test_an_exit_code_is_recorded_with_what_the_run_used(shims: Shims) -> None:
    record = shims.sh("echo out; echo err >&2; exit 3").end()
    assert (record.reason, record.code, record.signal) == ("exited", 3, None)
    assert record.output_bytes == 8
    assert record.proof == "subreaper"
    assert record.leftovers_killed == 0
    assert record.rss_max_bytes > 100_000
    assert 0 <= record.ended_ms - record.started_ms <= record.duration_ms + 1000
    assert record.warned == ()


def test_an_environment_that_is_no_text_reaches_the_agent_as_it_is(
    shims: Shims,
) -> None:
    """As a PATH with a folder of an older encoding in it."""
    shim = shims.sh('printf %s "$ODD"', env={"ODD": os.fsdecode(b"a\xffb")})
    assert shim.end().code == 0
    assert (shim.run_dir / layout.RUN_STDOUT).read_bytes() == b"a\xffb"
    assert read_spec(shim.run_dir) is not None


def test_a_signal_is_recorded(shims: Shims) -> None:
    record = shims.sh("kill -USR1 $$").end()
    assert (record.reason, record.code, record.signal) == (
        "exited",
        None,
        signal.SIGUSR1,
    )


def test_cpu_time_of_the_whole_tree_is_counted(shims: Shims) -> None:
    burn = "while sum(os.times()[:2]) < 0.2: pass"
    record = shims.python(f"if os.fork(): os.wait()\nelse:\n    {burn}").end()
    assert record.cpu_ms >= 200


def test_identities_are_recorded_once_the_agent_runs(shims: Shims) -> None:
    shim = shims.sh("echo up; exec sleep 100")
    identity = shim.identity
    assert identity.boot_id == boot_id()
    assert identity.start_ticks == start_ticks(identity.pid)
    assert identity.agent_start_ticks == start_ticks(identity.agent_pid)
    shim.says("up")
    assert shim.agents() == [identity.agent_pid]


@pytest.mark.parametrize(
    ("argv", "cwd", "errno", "said"),
    [
        (("/nowhere/agent",), "/", 2, "its program /nowhere/agent"),
        (("no-such-agent",), "/", 2, "its program no-such-agent"),
        (("/etc",), "/", 13, "its program /etc"),
        (("true",), "/nowhere", 2, "its directory /nowhere"),
        ((), "/", 22, "its program"),
    ],
)
def test_an_agent_that_cannot_start_is_recorded_with_the_reason(
    shims: Shims, argv: tuple[str, ...], cwd: str, errno: int, said: str
) -> None:
    record = shims.start(*argv, cwd=cwd, env={"PATH": "/usr/bin:/bin"}).end()
    assert (record.reason, record.code, record.errno) == ("spawn_failed", None, errno)
    if argv:
        assert said in record.message
    assert os.strerror(errno) in record.message


def test_the_agent_sees_its_own_environment_and_nothing_else(shims: Shims) -> None:
    expected = {**PATH, "NAME": 'ü\n"quoted"\\'}
    shim = shims.start("env", "-0", env=expected)
    shim.end()
    seen = dict(entry.split("=", 1) for entry in shim.stdout.split("\0") if entry)
    assert seen == {**expected, "KANBAN_RUN_ID": shim.spec.run_id}


def test_the_agent_inherits_no_descriptor_but_its_three(shims: Shims) -> None:
    # The listing shows the descriptor it goes by, which is closed by now.
    code = (
        "links = {n: f'/proc/self/fd/{n}' for n in os.listdir('/proc/self/fd')}\n"
        "print({n: os.readlink(link) for n, link in links.items()"
        " if os.path.exists(link)})"
    )
    inheritable = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(inheritable, True)
    shim = shims.python(code)
    shim.end()
    os.close(inheritable)
    assert ast.literal_eval(shim.stdout) == {
        "0": os.devnull,
        "1": str(shim.run_dir / layout.RUN_STDOUT),
        "2": str(shim.run_dir / layout.RUN_STDERR),
    }


def test_the_agent_starts_with_default_signals_in_a_session_of_its_own(
    shims: Shims,
) -> None:
    code = (
        "status = open('/proc/self/status').read().split()\n"
        "print(os.getsid(0) == os.getpid(), *(status[status.index(name) + 1]"
        " for name in ('SigBlk:', 'SigIgn:')))"
    )
    # By way of sh: Python itself ignores SIGPIPE and SIGXFSZ.
    shim = shims.sh("grep -E 'Sig(Blk|Ign)' /proc/self/status")
    shim.end()
    # Signals 32 and 33 are libc's own: no program may set them, so what the starter of
    # the tests left there stays.
    of_libc = 1 << 31 | 1 << 32
    masks = [int(line.split()[1], 16) for line in shim.stdout.splitlines()]
    assert [mask & ~of_libc for mask in masks] == [0, 0]
    session = shims.python(code)
    session.end()
    assert session.stdout.startswith("True")


def test_orphans_do_not_stay_zombies_while_the_agent_runs(shims: Shims) -> None:
    shim = shims.sh("for i in 1 2 3; do (sh -c : &) ; done; echo up; exec sleep 100")
    shim.says("up")

    def zombies() -> list[int]:
        stats = {n: stat_of(n) for n in pids()}
        me = shim.identity.pid
        return [pid for pid, stat in stats.items() if stat and stat[:2] == ("Z", me)]

    eventually(lambda: not zombies(), "the shim has reaped the orphans")


def test_what_an_agent_leaves_behind_is_ended_and_counted(shims: Shims) -> None:
    shim = shims.sh(
        "setsid sleep 1000 &"
        "setsid setsid sh -c 'trap \"\" TERM; echo up; sleep 1000' &"
        "while ! grep -q up /proc/self/fd/1; do :; done; exit 0",
        grace_s=0.3,
    )
    record = shim.end()
    assert (record.reason, record.code) == ("exited", 0)
    assert record.leftovers_killed == 3
    assert record.proof == "subreaper"
    assert shim.agents() == []


def test_a_process_outside_the_tree_that_carries_the_nonce_is_ended(
    shims: Shims,
) -> None:
    gate = "read -r _ < gate"
    spec_dir = shims.root
    os.mkfifo(spec_dir / "gate")
    shim = shims.sh(f"echo up; {gate}", cwd=str(spec_dir))
    shim.says("up")
    env = {"KANBAN_RUN_ID": shim.spec.run_id}
    stranger = os.spawnve(os.P_NOWAIT, sys.executable, ["s", "-c", "input()"], env)
    neighbour = {"KANBAN_RUN_ID": shim.spec.run_id + "0", "X": "KANBAN_RUN_ID="}
    kept = os.spawnve(os.P_NOWAIT, "/bin/sleep", ["sleep", "100"], neighbour)
    (spec_dir / "gate").write_text("go\n")
    assert shim.end().proof == "subreaper"
    assert os.waitstatus_to_exitcode(os.waitpid(stranger, 0)[1]) in {-9, 1}
    assert os.waitpid(kept, os.WNOHANG) == (0, 0)
    os.kill(kept, signal.SIGKILL)
    os.waitpid(kept, 0)


def test_the_records_are_private(shims: Shims) -> None:
    shim = shims.sh("exit 0")
    shim.end()
    modes = {path.name: path.stat().st_mode & 0o777 for path in shim.run_dir.iterdir()}
    assert set(modes.values()) == {0o600}
    assert json.loads((shim.run_dir / layout.RUN_EXIT).read_text())["code"] == 0
