"""``Doctor`` on a real store and real processes: each planted fault is found."""

import asyncio
import os
import pwd
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import apsw
import pytest
from msgspec.structs import replace

from kanban_ipc import layout
from kanban_ipc.control import (
    AddCall,
    AddReply,
    DoctorCall,
    DoctorReply,
    Finding,
    NewTicket,
)
from kanban_ipc.link import Result
from kanban_ipc.version import VERSION
from kanban_ipc.words import RunId, UnitScope
from kanband.config import Config, Flags
from kanband.shell.doctor import examine, service
from support.control_server import Served, served
from support.daemon_double import worker

FINISHED = Result(outcome="finished", proof="subreaper")
Fact = Callable[[Served], Awaitable[None]]


def prove(tmp_path: Path, fact: Fact, toml: str = "") -> None:
    async def main() -> None:
        async with served(tmp_path, toml) as it:
            it.daemon.fleet.workers.append(worker())
            await fact(it)

    asyncio.run(main())


async def one_run(it: Served) -> RunId:
    """A run that has ended, with its directory."""
    new = NewTicket(title="T", agent="noop")
    await it.client.call(AddCall(ticket=new, ready=True), AddReply)
    claim = await it.daemon.claim()
    await it.daemon.settle(claim.run_id, claim.epoch, FINISHED)
    (it.daemon.config.state_dir / layout.RUNS_DIR / claim.run_id).mkdir()
    return claim.run_id


def look(config: Config, **environ: str) -> DoctorReply:
    """The examination alone, in this process."""
    flags = Flags(
        config=str(config.config_file),
        state_dir=str(config.state_dir),
        runtime_dir=str(config.runtime_dir),
    )
    return examine(flags, {"PATH": os.environ["PATH"], **environ})


def marked(run_id: RunId) -> subprocess.Popen[bytes]:
    """A process that says a line, and ends when it is told one."""
    return subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, layout.RUN_MARK: run_id},
    )


def wrong(reply: DoctorReply) -> list[Finding]:
    return [finding for finding in reply.findings if finding.level == "wrong"]


def test_a_sound_daemon_is_told_so(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await one_run(it)
        reply = await it.client.call(DoctorCall(), DoctorReply)
        assert wrong(reply) == []
        assert reply.unchecked == []
        assert {finding.check for finding in reply.findings} == {
            "daemon",
            "versions",
            "configuration",
            "store",
            "journal",
            "permissions",
            "git",
            "agents",
            "service",
            "limits",
            "processes",
            "run directories",
            "worktrees",
            "repositories",
        }

    prove(tmp_path, fact)


def test_what_the_daemon_knows_is_said_too(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        it.daemon.fleet.troubles.append("worker-2 is FATAL")
        it.daemon.runs.versions["worker-1"] = "0.0.1"
        reply = await it.client.call(DoctorCall(), DoctorReply)
        assert [each.text for each in wrong(reply)] == ["worker-2 is FATAL"]
        [outdated] = [each for each in reply.findings if each.check == "versions"]
        assert outdated.text == f"worker-1 is of version 0.0.1, installed is {VERSION}"
        assert outdated.mend == "kanbanctl restart-worker worker-1"

    prove(tmp_path, fact)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DELETE FROM journal WHERE seq = 2", "the journal has a gap before 3"),
        ("UPDATE tickets SET epoch = 7", "its epoch is 7, but 1 by the journal"),
        ("UPDATE runs SET status = 'error'", "ended finished by the journal"),
        ("DELETE FROM runs", "is lost"),
    ],
)
def test_a_store_that_contradicts_its_journal_is_found(
    tmp_path: Path, damage: str, said: str
) -> None:
    async def fact(it: Served) -> None:
        await one_run(it)
        config = it.daemon.config
        await it.daemon.close()
        db = apsw.Connection(str(config.db_file))
        db.execute(damage)
        db.close()
        found = wrong(look(config))
        assert {finding.check for finding in found} == {"journal"}
        assert any(said in finding.text for finding in found)
        assert all("kanbanctl backup FILE" in finding.mend for finding in found)

    prove(tmp_path, fact)


def test_a_damaged_file_is_found_and_the_rest_goes_on(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await one_run(it)
        config = it.daemon.config
        await it.daemon.close()
        with config.db_file.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * 8192)
        reply = look(config)
        assert {finding.check for finding in wrong(reply)} == {"store"}
        assert "git" in {finding.check for finding in reply.findings}
        assert any("the store is closed" in text for text in reply.unchecked)

    prove(tmp_path, fact)


def test_a_process_that_outlives_its_run_is_found_until_it_ends(
    tmp_path: Path,
) -> None:
    async def fact(it: Served) -> None:
        run_id = await one_run(it)
        with marked(run_id) as orphan:
            assert orphan.stdout is not None
            orphan.stdout.readline()
            [found] = wrong(look(it.daemon.config))
            assert found.check == "processes"
            assert f"process {orphan.pid} of it lives" in found.text
            runs = it.daemon.config.state_dir / layout.RUNS_DIR
            assert found.mend == f"kanban-worker --reap {runs / run_id}"
            orphan.communicate(b"\n")
        assert wrong(look(it.daemon.config)) == []

    prove(tmp_path, fact)


def test_leftovers_are_notes_and_name_what_they_are(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        state = it.daemon.config.state_dir
        (state / layout.RUNS_DIR / "of-nobody").mkdir()
        (state / layout.WORKTREES_DIR / "9-old").mkdir()
        reply = look(it.daemon.config)
        assert wrong(reply) == []
        notes = {f.check: f.text for f in reply.findings if f.level == "note"}
        assert notes["run directories"] == "1 belong to no run of this store: of-nobody"
        assert notes["worktrees"] == "1 belong to no ticket: 9-old"

    prove(tmp_path, fact)


def test_open_directories_lost_programs_and_no_git_are_found(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        config = it.daemon.config
        config.state_dir.chmod(0o777)
        found = wrong(look(config, PATH="/nowhere"))
        said = {finding.check: finding for finding in found}
        assert said["permissions"].mend == f"chmod 700 {config.state_dir}"
        assert "git is not on PATH" in said["git"].text
        assert said["agents"].text == "fixer: nonesuch is in none of /nowhere"

    prove(tmp_path, fact, "[agents.fixer]\nargv = ['nonesuch']\n")


def test_whatever_the_daemon_would_refuse_is_found(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        config = it.daemon.config
        key = config.state_dir / layout.AGENT_KEY
        key.write_bytes(bytes(32))
        key.chmod(0o640)
        logs = config.state_dir / layout.LOGS_DIR
        logs.rmdir()
        logs.symlink_to(tmp_path)
        (config.state_dir / layout.RUNS_DIR).chmod(0o770)
        found = wrong(look(config))
        assert {finding.check for finding in found} == {"permissions"}
        mends = {finding.mend for finding in found}
        assert f"chmod 600 {key}" in mends
        assert f"chmod 700 {config.state_dir / layout.RUNS_DIR}" in mends
        assert any(f"{logs} is a symbolic link" in finding.text for finding in found)

    prove(tmp_path, fact)


def test_a_lock_of_a_killed_git_is_found_where_there_is_work(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        lock = tmp_path / "repo" / ".git" / "config.lock"
        lock.parent.mkdir(parents=True)
        lock.touch()
        new = NewTicket(title="T", agent="shell", repo_path=str(tmp_path / "repo"))
        await it.client.call(AddCall(ticket=new), AddReply)
        assert wrong(look(it.daemon.config)) == [], "somebody may be at work"
        os.utime(lock, (0, 0))
        [found] = wrong(look(it.daemon.config))
        assert found.check == "repositories"
        assert found.mend.endswith(f"then: rm {lock}")

    prove(tmp_path, fact)


SOUND = {
    "LoadState": "loaded",
    "UnitFileState": "enabled",
    "NeedDaemonReload": "no",
    "ExecStart": f"{{ path={sys.executable} ; argv[]={sys.executable} -m kanband }}",
}


@pytest.mark.parametrize(
    ("scope", "changes", "lingers", "said"),
    [
        ("user", {}, True, []),
        ("system", {}, False, []),
        ("user", {}, False, ["wrong loginctl enable-linger"]),
        (
            "user",
            {"NeedDaemonReload": "yes"},
            True,
            ["wrong systemctl --user daemon-reload"],
        ),
        (
            "system",
            {"UnitFileState": "disabled"},
            False,
            ["note systemctl enable kanband.service"],
        ),
        (
            "user",
            {"ExecStart": "{ path=/nowhere/kanband ; argv[]=/nowhere/kanband }"},
            True,
            ["wrong kanbanctl service install"],
        ),
        (
            "system",
            {"LoadState": "bad-setting"},
            False,
            ["wrong kanbanctl service install; systemctl status kanband.service"],
        ),
    ],
)
def test_a_unit_that_would_not_keep_the_work_alive_is_found(  # noqa: PLR0917
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scope: UnitScope,
    changes: dict[str, str],
    lingers: bool,
    said: list[str],
) -> None:
    monkeypatch.setattr(service, "_LINGERING", tmp_path)
    if lingers:
        (tmp_path / pwd.getpwuid(os.geteuid()).pw_name).touch()
    found = service.judge(scope, {**SOUND, **changes})
    assert [f"{each.level} {each.mend}" for each in found] == said


def test_a_manager_is_asked_about_the_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "programs").mkdir()
    program = tmp_path / "programs" / "systemctl"
    program.write_text(
        f'#!/bin/sh\necho "$*" > {tmp_path}/asked\necho LoadState=loaded\n'
        f"echo UnitFileState=enabled\necho NeedDaemonReload=yes\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(service, "_BOOTED", tmp_path)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")

    async def fact(it: Served) -> None:
        def mends(**environ: str) -> set[str]:
            found = look(it.daemon.config, **environ).findings
            return {each.mend for each in found if each.check == "service"}

        assert mends() == {""}, "started by hand, in a place of its own"
        path = os.environ["PATH"]
        assert mends(KANBAN_UNITS="system", PATH=path) == {"systemctl daemon-reload"}
        asked = (tmp_path / "asked").read_text()
        assert asked.startswith("--system ")
        assert asked.endswith("kanband.service\n")
        program.write_text("#!/bin/sh\nexit 1\n")
        assert mends(KANBAN_UNITS="user", PATH=path) == {
            "systemctl --user status kanband.service"
        }

    prove(tmp_path, fact)


def test_a_faulty_configuration_is_a_finding(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        config = it.daemon.config
        assert config.config_file is not None
        config.config_file.write_text("slotz = 1\nslots = 0\n")
        reply = look(config)
        assert [finding.check for finding in wrong(reply)] == ["configuration"] * 2
        assert "line 1: slotz" in wrong(reply)[0].text
        assert reply.unchecked

    prove(tmp_path, fact)


def test_a_store_that_was_never_made_is_no_fault(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        empty = tmp_path / "empty"
        empty.mkdir(mode=0o700)
        reply = look(replace(it.daemon.config, state_dir=empty))
        assert wrong(reply) == []
        assert not reply.daemon_runs

    prove(tmp_path, fact)


def test_who_keeps_a_run_s_limits_is_said(tmp_path: Path) -> None:
    """Without units the shim looks at memory, and nobody at processor time."""

    async def fact(it: Served) -> None:
        reply = look(it.daemon.config)
        found = [each for each in reply.findings if each.check == "limits"]
        by_shim = "each run's shim looks at it once a second, not the kernel"
        assert [(each.level, each.text) for each in found] == [
            ("note", f"memory_mib of big: {by_shim}"),
            ("note", "cpu_percent of big: nothing holds it"),
        ]

    table = "[agents.big.resources]\nmemory_mib = 100\ncpu_percent = 50\n"
    prove(tmp_path, fact, toml=table)
