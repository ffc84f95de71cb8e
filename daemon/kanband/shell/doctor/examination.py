"""All checks in their order, and what could not be checked."""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from kanban_ipc.control import DoctorReply, Finding
from kanban_ipc.layout import DAEMON_LOCK
from kanban_ipc.version import VERSION
from kanband.config import Flags, load, places_of
from kanband.errors import ConfigError
from kanband.shell.doctor.ground import Ground, ok, wrong
from kanband.shell.doctor.leftovers import (
    check_processes,
    check_run_directories,
    check_worktrees,
)
from kanband.shell.doctor.limits import check_limits
from kanband.shell.doctor.processes import carriers
from kanband.shell.doctor.repositories import check_repositories
from kanband.shell.doctor.service import check_service
from kanband.shell.doctor.store import check_store
from kanband.shell.doctor.surroundings import (
    check_agents,
    check_git,
    check_permissions,
)

_CHECKS: Final[tuple[Callable[[Ground], Iterator[Finding]], ...]] = (
    check_permissions,
    check_git,
    check_agents,
    check_service,
    check_limits,
)
_WITH_STORE: Final[tuple[Callable[[Ground], Iterator[Finding]], ...]] = (
    check_processes,
    check_run_directories,
    check_worktrees,
    check_repositories,
)


def examine(flags: Flags, environ: Mapping[str, str]) -> DoctorReply:
    """Look at everything that can be seen from outside. Raises ``ConfigError`` where
    not even the places are known.
    """
    findings: list[Finding] = []
    unchecked: list[str] = []
    try:
        config = load(flags, environ)
        source = config.config_file or "there is no file, the defaults"
        findings.append(ok("configuration", f"{source}: in order"))
    except ConfigError as error:
        config = places_of(flags, environ)
        mend = "kanband --check-config says the same; edit it, then: kanbanctl reload"
        findings += [
            wrong("configuration", line, mend) for line in str(error).split("\n")
        ]
        unchecked.append(
            "the configured agents and db_path: the configuration has a fault"
        )
    ground = Ground(config=config, environ=environ, carriers=carriers())
    findings += check_store(ground)
    for check in _CHECKS:
        findings += check(ground)
    if ground.was_read:
        for check in _WITH_STORE:
            findings += check(ground)
    else:
        unchecked.append(
            "what runs have left, and their repositories: the store is closed"
        )
    return DoctorReply(
        version=VERSION,
        state_dir=str(config.state_dir),
        daemon_runs=_is_held(config.state_dir / DAEMON_LOCK),
        findings=findings,
        unchecked=unchecked,
    )


def _is_held(lock: Path) -> bool:
    """Whether a daemon has the state directory; tried shared, and for a moment."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
