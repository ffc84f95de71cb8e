"""Where things are: state, sockets, the configuration file.

Decided here: which of flag, systemd's variable and XDG's variable wins (in this
order), and what a directory must be before anything secret goes into it. A relative
XDG path is ignored, as the XDG Base Directory Specification asks.

Source: systemd.exec(5), RuntimeDirectory= and StateDirectory=; basedir-spec 0.8.
"""

import os
import pwd
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from kanban_ipc.bounds import SOCKET_PATH_BYTES_MAX
from kanban_ipc.layout import (
    AGENT_SOCKET,
    CONTROL_SOCKET,
    LINK_SOCKET,
    LOGS_DIR,
    REPO_LOCKS_DIR,
    RUNS_DIR,
    SPAWNER_SOCKET,
    WORKERS_DIR,
    WORKTREES_DIR,
)
from kanban_ipc.words import UNIT_SCOPES, UnitScope
from kanband.config.sections import Config
from kanband.errors import PASSING, ConfigError, SystemTrouble

SYSTEM_FILE: Final = Path("/etc/kanban/kanban.toml")
_NAME: Final = "kanban"
_SOCKETS: Final = (CONTROL_SOCKET, AGENT_SOCKET, LINK_SOCKET, SPAWNER_SOCKET)
_STATE_DIRS: Final = (RUNS_DIR, WORKTREES_DIR, WORKERS_DIR, LOGS_DIR, REPO_LOCKS_DIR)


def config_file(flag: str | None, environ: Mapping[str, str]) -> Path | None:
    """The file to read; None when there is none. A flag's must exist: it is read."""
    if flag is not None:
        return _absolute(flag)
    base = _xdg(environ, "XDG_CONFIG_HOME") or _home(environ) / ".config"
    for path in (base / _NAME / "kanban.toml", SYSTEM_FILE):
        if path.exists():
            return path
    return None


def state_dir(flag: str | None, environ: Mapping[str, str]) -> Path:
    """Absolute; not looked at yet."""
    if flag is not None:
        return _absolute(flag)
    if given := _systemd(environ, "STATE_DIRECTORY"):
        return given
    base = _xdg(environ, "XDG_STATE_HOME") or _home(environ) / ".local" / "state"
    return base / _NAME


def runtime_dir(flag: str | None, environ: Mapping[str, str], state: Path) -> Path:
    """Absolute; its sockets' paths fit. Raises ``ConfigError`` otherwise."""
    if flag is not None:
        path = _absolute(flag)
    elif given := _systemd(environ, "RUNTIME_DIRECTORY"):
        path = given
    elif base := _xdg(environ, "XDG_RUNTIME_DIR"):
        path = base / _NAME
    else:
        path = state / "run"
    _check_length(path)
    return path


def units(environ: Mapping[str, str]) -> UnitScope:
    """What our unit says of its manager. Raises ``ConfigError``."""
    said = environ.get("KANBAN_UNITS", "")
    for scope in UNIT_SCOPES:
        if said == scope:
            return scope
    raise ConfigError(
        f"KANBAN_UNITS is {said!r}; allowed: user, system, or nothing at all",
    )


def _check_length(directory: Path) -> None:
    longest = max(_SOCKETS, key=len)
    length = len(os.fsencode(directory / longest))
    if length > SOCKET_PATH_BYTES_MAX:
        raise ConfigError(
            f"the runtime directory {directory} has too long a path: its sockets "
            f"would have {length} bytes, and the kernel allows "
            f"{SOCKET_PATH_BYTES_MAX}. Give a shorter one with --runtime-dir, e.g. "
            f"/run/user/{os.getuid()}/kanban",
        )


def prepare_places(config: Config) -> None:
    """Make the directories (0700), and refuse those that others could write in."""
    for directory in (config.state_dir, config.runtime_dir):
        _make(directory)
        _check(directory)
    for name in _STATE_DIRS:
        _make(config.state_dir / name)
        _check(config.state_dir / name)


def _make(directory: Path) -> None:
    try:
        # ``parents=True`` would give the parents the default mode, and XDG wants
        # those that are made for it to be private as well.
        for missing in (*reversed(directory.parents), directory):
            if not os.path.lexists(missing):
                missing.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        if error.errno in PASSING:
            raise SystemTrouble(
                f"the directory {directory} cannot be made now: {error.strerror}; look "
                "at its disk (df, dmesg) and start again"
            ) from error
        raise ConfigError(
            f"the directory {directory} cannot be made: {error.strerror}; make it "
            "yourself, or give another with --state-dir or --runtime-dir",
        ) from error


def _check(directory: Path) -> None:
    found = directory.lstat()
    advice = ""
    if stat.S_ISLNK(found.st_mode):
        advice = "is a symbolic link; give the directory it leads to"
    elif not stat.S_ISDIR(found.st_mode):
        advice = "is not a directory; move it away, or give another"
    elif found.st_uid != os.geteuid():
        advice = (
            f"belongs to {_user(found.st_uid)}, and kanband runs as "
            f"{_user(os.geteuid())}; give another, or chown it"
        )
    elif found.st_mode & (stat.S_IWOTH | stat.S_IWGRP):
        who = "everybody" if found.st_mode & stat.S_IWOTH else "its group"
        advice = f"can be written by {who}; chmod 700 {directory}"
    if advice:
        raise ConfigError(
            f"{directory} {advice} (--state-dir and --runtime-dir say where)",
        )


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _absolute(text: str) -> Path:
    # Not resolved: a symbolic link is refused later, rather than followed here.
    return Path(os.path.abspath(text))  # noqa: PTH100 - Path.absolute keeps ".."


def _systemd(environ: Mapping[str, str], name: str) -> Path | None:
    """The first of systemd's colon-separated directories."""
    first = environ.get(name, "").split(":")[0]
    return Path(first) if first.startswith("/") else None


def _xdg(environ: Mapping[str, str], name: str) -> Path | None:
    text = environ.get(name, "")
    return Path(text) if text.startswith("/") else None


def _home(environ: Mapping[str, str]) -> Path:
    text = environ.get("HOME", "")
    if text.startswith("/"):
        return Path(text)
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError as error:
        raise ConfigError(
            "there is no home directory: HOME is not set, and the user "
            f"{os.getuid()} has no entry; set HOME, or give --state-dir and --config",
        ) from error
