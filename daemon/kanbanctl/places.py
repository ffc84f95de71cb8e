"""Which socket the daemon is expected at."""

import os
import stat
from collections.abc import Mapping
from typing import Final, NamedTuple

from kanban_ipc.bounds import SOCKET_PATH_BYTES_MAX
from kanban_ipc.layout import CONTROL_SOCKET
from kanbanctl.failures import NobodyListens

SYSTEM_RUNTIME_DIR: Final = "/run/kanban"


class Place(NamedTuple):
    """A socket's path and who chose it."""

    path: str
    chosen_by: str


def find(flag: str | None, environ: Mapping[str, str]) -> Place:
    """The socket to use: as told, else the first usual place where there is one.

    Raises ``NobodyListens`` when there is none, naming the places.
    """
    if flag:
        return Place(flag, "--socket")
    if told := environ.get("KANBAN_SOCKET"):
        return Place(told, "KANBAN_SOCKET")
    usual = [f"{directory}/{CONTROL_SOCKET}" for directory in runtime_dirs(environ)]
    for path in usual:
        if os.path.lexists(path):
            return Place(path, "")
    tried = "\n".join(f"  {path}" for path in usual)
    raise NobodyListens(
        f"kanband is not running: there is no socket at\n{tried}\n"
        "Start it with 'kanband' in another terminal, or as a service with "
        "'systemctl --user start kanband'.\n"
        "If it runs elsewhere, name its socket with --socket or KANBAN_SOCKET.",
    )


def runtime_dirs(environ: Mapping[str, str]) -> list[str]:
    """Where a daemon puts its socket when it is told nothing, likeliest first."""
    # Not pathlib: it takes 5 ms to import, and this runs in every command.
    home = environ.get("HOME") or os.path.expanduser("~")  # noqa: PTH111
    state_home = environ.get("XDG_STATE_HOME") or f"{home}/.local/state"
    places = [SYSTEM_RUNTIME_DIR, f"{state_home}/kanban/run"]
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        places.insert(0, f"{runtime}/kanban")
    return places


def explain(place: Place, error: OSError) -> str:
    """Why nothing can be reached there, and what to do about it."""
    path, chosen_by = place
    named = f"{path} (from {chosen_by})" if chosen_by else path
    start = (
        "Start it with 'kanband' in another terminal, or as a service with "
        "'systemctl --user start kanband'."
    )
    if len(os.fsencode(path)) > SOCKET_PATH_BYTES_MAX:
        return (
            f"the socket's path is longer than the {SOCKET_PATH_BYTES_MAX} bytes that "
            f"Linux allows: {path}\nGive the daemon a shorter --runtime-dir."
        )
    if isinstance(error, PermissionError):
        return (
            f"not permitted to use {named}: it belongs to {_owner(path)}, you are "
            f"{_user(os.geteuid())}.\nUse that account."
        )
    if isinstance(error, FileNotFoundError):
        return f"kanband is not running: there is no socket at {named}.\n{start}"
    if not _is_socket(path):
        return (
            f"{named} is not a socket.\nName the daemon's control.sock; without "
            "--socket and KANBAN_SOCKET the usual places are looked at."
        )
    if isinstance(error, ConnectionRefusedError):
        return (
            f"kanband is not running: nobody listens at {named}; the socket is left "
            f"from an earlier one.\n{start}"
        )
    return f"cannot reach kanband at {named}: {error.strerror or error}."


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)  # noqa: PTH116
    except OSError:
        return False


def _owner(path: str) -> str:
    """Of the nearest part of the path that can be seen."""
    while path not in {"", "/"}:
        try:
            return _user(os.stat(path).st_uid)  # noqa: PTH116
        except OSError:
            path = os.path.dirname(path)  # noqa: PTH120
    return "somebody else"


def _user(uid: int) -> str:
    import pwd  # noqa: PLC0415 (only needed to explain)

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
