"""Runs of programs: what they share, and the jobs that are under way."""

import asyncio
import os
import pwd
from collections.abc import Mapping
from functools import cache
from typing import Final

from kanban_ipc.link import Assign
from kanban_worker.settings import WorkerSettings
from kanban_worker.shell.hand import Shared
from kanban_worker.shell.job import Desk
from kanban_worker.shell.launch import DirectLauncher, SystemdLauncher
from kanban_worker.shell.preparing import Places
from kanban_worker.shell.program_run import ProgramRun

CLIENT_ENV: Final = ("PATH", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")
"""What systemd-run needs to find its manager."""


class Programs:
    """Takes assignments of every kind that is a program."""

    def __init__(self, desk: Desk, settings: WorkerSettings) -> None:
        own_env = _own_environment()
        self._desk = desk
        self._shared = Shared(
            Places.below(settings.state_dir), _launcher(settings, own_env), own_env
        )
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, assign: Assign) -> ProgramRun:
        """Begin a run, or take it over where it stands."""
        job = ProgramRun(self._desk, self._shared, assign)
        task = asyncio.get_running_loop().create_task(job.run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job

    def let_go(self) -> None:
        """The worker leaves. Shims and agents go on."""
        for task in self._tasks:
            task.cancel()


@cache
def account() -> Mapping[str, str]:
    """Whose processes these are, as login(1) says it. The spawner asks, once.

    Empty for a user without an account entry, as containers have them.
    """
    try:
        user = pwd.getpwuid(os.getuid())
    except KeyError:
        return {}
    return {"HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name}


def _own_environment() -> Mapping[str, str]:
    """The worker's, with what a service manager may have left out."""
    return {**account(), **os.environ}


def _launcher(
    settings: WorkerSettings, own_env: Mapping[str, str]
) -> DirectLauncher | SystemdLauncher:
    if not settings.run_scope:
        return DirectLauncher()
    client_env = {name: own_env[name] for name in CLIENT_ENV if name in own_env}
    return SystemdLauncher(settings.run_scope, client_env)
