"""What the daemon needs around it: private directories, git, the agents' programs."""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kanban_ipc import layout
from kanban_ipc.control import Finding
from kanband.config import program_of
from kanband.shell.doctor.ground import Ground, note, ok, wrong

PERMISSIONS: Final = "permissions"
GIT: Final = "git"
AGENTS: Final = "agents"
_GIT_PATIENCE_S: Final = 10.0
_OTHERS: Final = stat.S_IRWXO | stat.S_IWGRP
"""What nobody else may have: all of everybody's, and the group's writing."""
_SECRET: Final = stat.S_IRWXO | stat.S_IRWXG
"""Of a secret not even the reading; the daemon refuses it, too."""
_WRITING: Final = stat.S_IWOTH | stat.S_IWGRP
_OWN: Final = (
    layout.RUNS_DIR,
    layout.WORKTREES_DIR,
    layout.WORKERS_DIR,
    layout.LOGS_DIR,
    layout.REPO_LOCKS_DIR,
)


def check_permissions(ground: Ground) -> Iterator[Finding]:
    """The state may hold what agents say and see; the sockets obey whoever gets in."""
    config = ground.config
    state, runtime = config.state_dir, config.runtime_dir
    # The store may lie elsewhere, behind a link; everything else is refused there.
    store = Path(os.path.realpath(config.db_file))
    places = dict.fromkeys((state, runtime, store), _OTHERS)
    places |= dict.fromkeys((state / name for name in _OWN), _WRITING)
    places |= dict.fromkeys(
        (state / layout.AGENT_KEY, runtime / layout.WORKER_JOIN), _SECRET
    )
    found = [
        finding
        for path, others in places.items()
        if (finding := _private(path, others)) is not None
    ]
    yield from found
    if not found:
        yield ok(
            PERMISSIONS, f"{config.state_dir} and {config.runtime_dir} are private"
        )


def _private(path: Path, others: int) -> Finding | None:
    try:
        seen = path.lstat()
    except FileNotFoundError:
        return None  # Not made yet.
    except OSError as error:
        return wrong(PERMISSIONS, f"{path}: {error.strerror}", f"ls -ld {path}")
    if stat.S_ISLNK(seen.st_mode):
        mend = f"put the real thing there, or name it: {path.resolve()}"
        return wrong(PERMISSIONS, f"{path} is a symbolic link", mend)
    if seen.st_uid != os.geteuid():
        owner = _user(seen.st_uid)
        mend = f"chown -R {_user(os.geteuid())} {path}, as root"
        return wrong(PERMISSIONS, f"{path} belongs to {owner}", mend)
    if stat.S_IMODE(seen.st_mode) & others:
        mode = stat.S_IMODE(seen.st_mode)
        mend = f"chmod {'700' if stat.S_ISDIR(seen.st_mode) else '600'} {path}"
        return wrong(PERMISSIONS, f"{path} has mode {mode:o}: others get in", mend)
    return None


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def check_git(ground: Ground) -> Iterator[Finding]:
    """Tickets with a repository need it."""
    found = shutil.which("git", path=ground.environ.get("PATH"))
    if found is None:
        text = "git is not on PATH, so no ticket with a repository can be done"
        yield wrong(GIT, text, "install it, e.g. apt-get install git")
        return
    try:
        said = subprocess.run(
            [found, "--version"],
            capture_output=True,
            text=True,
            timeout=_GIT_PATIENCE_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        yield wrong(GIT, f"{found} does not run: {error}", "install git anew")
    else:
        yield ok(GIT, f"{said.stdout.strip()} ({found})")


def check_agents(ground: Ground) -> Iterator[Finding]:
    """Configured profiles whose program is not there."""
    config = ground.config
    missing = 0
    for name in sorted(config.configured):
        problem = program_of(config.agents[name], ground.environ).problem
        if problem:
            missing += 1
            reason, _, mend = problem.partition("; ")
            yield wrong(AGENTS, f"{name}: {reason}", f"{mend}; see kanbanctl agents")
    if not config.configured:
        text = "only the built-in profiles; a ticket has to name one"
        yield note(AGENTS, text, "configure one in kanban.toml: see the README")
    elif not missing:
        yield ok(AGENTS, f"{len(config.configured)} configured, programs are there")
