"""Starting a shim for a run directory, by one of two launchers.

Both hold the run's lock (shared) and make the intent, ``shim.spec.json``, durable
before anything is forked, and return once the agent runs or has failed to start; so a
crash at any moment leaves a directory that says what happened. One launch per
directory, ever. Absent: what to run, and what to do when it fails.

`DirectLauncher` starts the shim as a process that forks itself away.
`SystemdLauncher` starts it as the main process of the transient service
``kanban-run-<run>.service`` in ``kanban-runs.slice``: outside the cgroup, the sandbox
and the death of its starter (setsid does not leave a cgroup).
"""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import msgspec

from kanban_ipc.layout import (
    RUN_EXIT,
    RUN_REAPED,
    RUN_SHIM_LOCK,
    RUN_SHIM_LOG,
    RUN_STDERR,
    RUN_STDOUT,
)
from kanban_ipc.words import RunId
from kanban_worker import shim
from kanban_worker.shell.group import unit_name
from kanban_worker.shell.rundir import PRIVATE, ShimSpec, write_spec

START_TIMEOUT_S: Final = 30.0
"""From fork to the agent's exec; measured at some 30 ms."""
LOCK_PATIENCE_S: Final = 1.0
"""Somebody who asks for the run's state holds the lock for microseconds."""
SLICE: Final = "kanban-runs.slice"
STOP_MARGIN_S: Final = 10.0
"""systemd's patience beyond the run's own grace."""


class LaunchError(Exception):
    """The shim is not up, as far as could be seen; its message is for people.

    ``state_of`` tells the truth: a service's client may die while its shim comes up.
    """


class LaunchRefusedError(LaunchError):
    """The run was launched before, or given up: start nothing."""


class DirectLauncher:
    """The shim as a process of its own, adopted by the spawner or by init."""

    def launch(self, run_dir: Path, spec: ShimSpec) -> None:
        """Return once ``shim.json`` or ``exit.json`` is there; blocks until then.

        Raises LaunchError.
        """
        run_dir = run_dir.absolute()
        with _intent(run_dir, spec, inherit=True) as lock_fd:
            process = _start(
                run_dir, _shim_command(run_dir), lock_fd, _marked(spec.run_id, {})
            )
        _await(process, run_dir)


class SystemdLauncher:
    """The shim as a transient service of the user's or the system's manager."""

    def __init__(
        self, scope: Literal["user", "system"], client_env: Mapping[str, str]
    ) -> None:
        """``client_env``: what systemd-run needs, XDG_RUNTIME_DIR above all."""
        self._scope, self._client_env = scope, client_env

    def launch(self, run_dir: Path, spec: ShimSpec) -> None:
        """See `DirectLauncher`."""
        run_dir = run_dir.absolute()
        command = [*self._client(spec), *_shim_command(run_dir), "--service"]
        # The client keeps the lock till the shim has said READY, holding it itself.
        with _intent(run_dir, spec, inherit=False) as lock_fd:
            process = _start(run_dir, command, lock_fd, self._client_env)
        _await(process, run_dir)

    def _client(self, spec: ShimSpec) -> list[str]:
        stop_s = spec.grace_s + STOP_MARGIN_S
        return [
            "systemd-run",
            f"--{self._scope}",
            "--quiet",
            "--collect",
            f"--unit={unit_name(spec.run_id)}",
            f"--slice={SLICE}",
            f"--description=kanban run {spec.run_id}",
            # When the manager itself ends, it stops a run after daemon and workers:
            # these have drained it by then.
            "--property=Before=kanban-workers.service",
            "--service-type=notify",
            "--property=NotifyAccess=main",
            # TERM is for the shim, which ends its tree in order; KILL is for all.
            "--property=KillMode=mixed",
            f"--property=TimeoutStopSec={stop_s:.0f}s",
            f"--property=TimeoutStartSec={START_TIMEOUT_S:.0f}s",
            # One process over its memory limit is the agent's affair, not the run's.
            "--property=OOMPolicy=continue",
            *_group_limits(spec.resources),
            f"--setenv={shim.SHIM_MARK}={spec.run_id}",
            "--",
        ]


def _group_limits(resources: Mapping[str, int]) -> Iterator[str]:
    """What the unit's control group keeps for the run as a whole."""
    for name, value in resources.items():
        match name:
            case "memory_bytes":
                yield f"--property=MemoryMax={value}"
            case "processes":  # and the shim
                yield f"--property=TasksMax={value + 1}"
            case "cpu_percent":
                yield f"--property=CPUQuota={value}%"
            case _:  # the agent's own process takes it upon itself
                continue


@contextmanager
def _intent(run_dir: Path, spec: ShimSpec, *, inherit: bool) -> Iterator[int]:
    """Hold the lock and record the launch; the lock's descriptor."""
    lock_fd = os.open(run_dir / RUN_SHIM_LOCK, os.O_RDWR | os.O_CREAT, PRIVATE)
    try:
        _take(lock_fd)
        for name in (RUN_EXIT, RUN_REAPED):
            if (run_dir / name).exists():
                raise LaunchRefusedError(f"run {spec.run_id} is over: {name} is there")
        full = msgspec.structs.replace(
            spec, boot_id=shim.boot_id(), lock_fd=lock_fd if inherit else -1
        )
        try:
            _lay_out(run_dir)
            write_spec(run_dir, full)
        except FileExistsError:
            raise LaunchRefusedError(f"run {spec.run_id} was launched before") from None
        except OSError as error:
            raise LaunchError(f"the launch cannot be recorded: {error}") from error
        yield lock_fd
    finally:
        # Not unlocked: that would take it from the shim, whose description it is too.
        os.close(lock_fd)


def _take(lock_fd: int) -> None:
    deadline = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise LaunchRefusedError("the run is being given up") from None
            time.sleep(0.01)
        else:
            return


def _shim_command(run_dir: Path) -> list[str]:
    program = str(_program(Path(shim.__file__), shim.__spec__.cached))
    return [sys.executable, "-I", "-S", "-X", "utf8", program, str(run_dir)]


def _program(source: Path, cached: str | None) -> Path:
    """Prefer the compiled file: 20 ms and 1 MiB less; but never an outdated one."""
    compiled = Path(cached or source)
    try:
        fresh = compiled.stat().st_mtime_ns >= source.stat().st_mtime_ns
    except FileNotFoundError:
        fresh = False
    return compiled if fresh else source


def _marked(run_id: RunId, env: Mapping[str, str]) -> dict[str, str]:
    return {**env, shim.SHIM_MARK: run_id}


def _start(
    run_dir: Path, command: list[str], lock_fd: int, env: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Spawn (vfork, no code in between), touching nothing of the worker's."""
    log_fd = _open_log(run_dir / RUN_SHIM_LOG)
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log_fd,
            stderr=log_fd,
            cwd="/",
            env=env,
            pass_fds=(lock_fd,),
            start_new_session=True,
        )
    except OSError as error:
        raise LaunchError(f"{command[0]} cannot be started: {error}") from error
    finally:
        os.close(log_fd)


def _lay_out(run_dir: Path) -> None:
    """Create what the shim will fill, so that a full disk is met before the intent."""
    for name in (RUN_SHIM_LOG, RUN_STDOUT, RUN_STDERR):
        os.close(_open_log(run_dir / name))
    os.close(shim.reserve(str(run_dir / shim.EXIT_RESERVED)))


def _open_log(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE)


def _await(process: subprocess.Popen[bytes], run_dir: Path) -> None:
    try:
        code = process.wait(START_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise LaunchError(f"no shim within {START_TIMEOUT_S:.0f} s") from None
    if code != 0:
        said = (run_dir / RUN_SHIM_LOG).read_bytes()[-2000:].decode(errors="replace")
        raise LaunchError(f"the shim did not start (exit {code}): {said.strip()}")
