"""``kanban-worker --connect``: a worker that the daemon did not start.

Decided here: where the pass is looked for, which name a worker gets that is given none
(the lowest ``worker-N`` whose lock nobody holds; beside managed workers, whose names
those are, ``guest-N``), and what is said when there is no daemon to join. From then on
it is a worker like every other (``shell.worker``): the same link, slots and shims. It
waits for a daemon that goes away, for as long as it takes.

Exit codes: 0 left on purpose, 2 refused by the daemon, 69 there is no daemon to join,
100 wrong use or its id is in use, 111 the system failed.
"""

import fcntl
import os
import secrets
import sys
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from kanban_ipc import guests, layout
from kanban_ipc.errors import PeerError
from kanban_ipc.guests import Pass
from kanban_ipc.words import UNIT_SCOPES, UnitScope, WorkerId
from kanban_worker.settings import WorkerSettings
from kanban_worker.shell.worker import EXIT_IN_USE, run_worker

EXIT_NO_DAEMON: Final = 69
"""EX_UNAVAILABLE: sysexits.h. A service manager may try again."""
IPC: Final = "ipc://"
SYSTEM_RUNTIME_DIR: Final = "/run/kanban"
_NAME_BYTES: Final = 8
_TRIES_MAX: Final = 100
"""Of a name that another worker is quicker to take."""


class Wish(NamedTuple):
    """What the command line says."""

    where: str = ""
    """The daemon's runtime directory, or the link's endpoint; empty: as usual."""
    worker_id: str = ""
    slots: int = 0
    """0: as many as the daemon's configuration says."""
    agents: tuple[str, ...] = ()
    repo: str = ""


class NoDaemonError(Exception):
    """There is nothing to join; the text is for people."""


class WrongUseError(Exception):
    """The command line cannot be meant; the text is for people."""


def connect(wish: Wish, environ: Mapping[str, str]) -> int:
    """Serve as a worker until told to leave; the exit code."""
    try:
        own = read_pass(_runtime_dirs(wish.where, environ))
        scope = _scope(environ)
    except NoDaemonError as error:
        sys.stderr.write(f"kanban-worker: {error}\n")
        return EXIT_NO_DAEMON
    except WrongUseError as error:
        sys.stderr.write(f"kanban-worker: {error}\n")
        return EXIT_IN_USE
    for _ in range(_TRIES_MAX):
        code = run_worker(_settings(wish, own, scope))
        if wish.worker_id or code != EXIT_IN_USE:
            return code
    return EXIT_IN_USE


def _settings(wish: Wish, own: Pass, scope: UnitScope) -> WorkerSettings:
    prefix = "guest" if own.mode == "managed" else "worker"
    worker_id = wish.worker_id or _lowest_free(Path(own.state_dir), prefix)
    return WorkerSettings(
        worker_id=WorkerId(worker_id),
        incarnation=secrets.token_hex(_NAME_BYTES),
        secret=own.secret,
        state_dir=own.state_dir,
        link_endpoint=own.link,
        slots=wish.slots or own.slots,
        managed=False,
        run_scope=scope,
        agents=wish.agents,
        repo=os.path.realpath(wish.repo) if wish.repo else "",
    )


def _lowest_free(state_dir: Path, prefix: str) -> str:
    folder = state_dir / layout.WORKERS_DIR
    names = (f"{prefix}-{number}" for number in count(1))
    suffix = layout.WORKER_LOCK_SUFFIX
    return next(each for each in names if not _held(folder / f"{each}{suffix}"))


def _held(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


# ------------------------------------------------------------------------- the pass


def read_pass(runtime_dirs: list[str]) -> Pass:
    """The first that is there. Raises ``NoDaemonError``."""
    paths = [Path(directory) / layout.WORKER_JOIN for directory in runtime_dirs]
    for path in paths:
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise NoDaemonError(
                f"{path} cannot be read: {error.strerror}. It is for the daemon's own "
                "account alone: start the worker under that"
            ) from error
        try:
            found = guests.decode(data)
        except (PeerError, msgspec.MsgspecError) as error:
            raise NoDaemonError(
                f"{path}: {error}; are kanband and kanban-worker of one version?"
            ) from error
        return found
    tried = "\n".join(f"  {path}" for path in paths)
    raise NoDaemonError(
        f"there is no kanband to join, for there is no file\n{tried}\n"
        "Start kanband first; if it runs elsewhere, say where its sockets are: "
        "kanban-worker --connect RUNTIME_DIR"
    )


def _runtime_dirs(where: str, environ: Mapping[str, str]) -> list[str]:
    if where.startswith(IPC):
        return [str(Path(where.removeprefix(IPC)).parent)]
    if "://" in where:
        raise WrongUseError(
            f"{where}: a worker joins the kanband of its own machine and account; "
            "name its runtime directory, or its link as ipc://…/link.sock"
        )
    if where:
        return [where]
    home = environ.get("HOME") or str(Path("~").expanduser())
    state_home = environ.get("XDG_STATE_HOME") or f"{home}/.local/state"
    places = [f"{state_home}/kanban/run", SYSTEM_RUNTIME_DIR]
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        places.insert(0, f"{runtime}/kanban")
    return places


def _scope(environ: Mapping[str, str]) -> UnitScope:
    """Whether each run is to be a unit of its own, as the worker's unit says."""
    said = environ.get("KANBAN_UNITS", "")
    for scope in UNIT_SCOPES:
        if said == scope:
            return scope
    raise WrongUseError(
        f"KANBAN_UNITS is {said!r}; allowed: user, system, or nothing at all"
    )
