"""The service manager: whether the daemon is its service, and a sound one.

Decided here: which unit is looked at. That of the manager which the daemon was started
by (``KANBAN_UNITS``); where it says nothing, the user's own, but only for the state
directory that such a unit has: a daemon started by hand elsewhere has nothing to do
with it. Absent: whether the files are those of this version (``kanbanctl service
status`` has them to compare).
"""

import os
import pwd
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from kanban_ipc.control import Finding
from kanban_ipc.words import UNIT_SCOPES, UnitScope
from kanband.config.places import state_dir
from kanband.shell.doctor.ground import Ground, note, ok, wrong

SERVICE: Final = "service"
UNIT: Final = "kanband.service"
_BOOTED: Final = Path("/run/systemd/system")
"""sd_booted(3)."""
_LINGERING: Final = Path("/var/lib/systemd/linger")
_PATIENCE_S: Final = 10.0
_PROPERTIES: Final = (
    "LoadState",
    "ActiveState",
    "UnitFileState",
    "NeedDaemonReload",
    "FragmentPath",
    "ExecStart",
)
_WITHOUT: Final = (
    "runs are held by their shims (limits per process, the end proven by subreaper or "
    "sweep) and not by cgroups"
)


def check_service(ground: Ground) -> Iterator[Finding]:
    """What is in force, and what would end the work that shall not end."""
    if not _BOOTED.is_dir():
        yield ok(SERVICE, f"this machine was not booted with systemd: {_WITHOUT}")
        return
    said = ground.environ.get("KANBAN_UNITS", "")
    scope: UnitScope = next((each for each in UNIT_SCOPES if each == said), "")
    if not scope and ground.config.state_dir != state_dir(None, ground.environ):
        yield ok(SERVICE, f"this daemon was started by hand: {_WITHOUT}")
        return
    shown = _ask(scope or "user", ground.environ)
    found = [] if shown is None else list(judge(scope or "user", shown))
    if not scope and (shown is None or shown.get("LoadState") != "loaded"):
        text = f"kanband is no service: it ends with your session, and {_WITHOUT}"
        yield note(SERVICE, text, "kanbanctl service install")
    elif shown is None:
        text = f"the {scope} manager of systemd does not answer"
        yield wrong(SERVICE, text, f"systemctl --{scope} status {UNIT}")
    elif found:
        yield from found
    else:
        text = f"{UNIT} of the {scope or 'user'} manager, started with the machine"
        force = "" if scope else f", but this daemon is not it: {_WITHOUT}"
        yield ok(SERVICE, text + (force or "; each run is a cgroup of its own"))


def judge(scope: UnitScope, shown: Mapping[str, str]) -> Iterator[Finding]:
    """What is to be mended of a unit, by its properties."""
    control = "systemctl --user" if scope == "user" else "systemctl"
    if (load := shown.get("LoadState", "")) != "loaded":
        text = f"{UNIT} cannot be loaded ({load}), so it is not started again"
        yield wrong(
            SERVICE, text, f"kanbanctl service install; {control} status {UNIT}"
        )
        return
    if shown.get("NeedDaemonReload") == "yes":
        text = f"{shown.get('FragmentPath')} has changed, and the old one is in force"
        yield wrong(SERVICE, text, f"{control} daemon-reload")
    program = _program(shown.get("ExecStart", ""))
    if program and not os.access(program, os.X_OK):
        text = f"{UNIT} starts {program}, which is not there"
        yield wrong(SERVICE, text, "kanbanctl service install")
    if shown.get("UnitFileState") not in {"enabled", "enabled-runtime", "generated"}:
        text = f"{UNIT} is not started with the machine"
        yield note(SERVICE, text, f"{control} enable {UNIT}")
    if scope == "user" and not (_LINGERING / _user_name()).exists():
        text = "lingering is off: at your last logout kanband and all agents are ended"
        yield wrong(SERVICE, text, "loginctl enable-linger")


def _ask(scope: UnitScope, environ: Mapping[str, str]) -> dict[str, str] | None:
    """The unit's properties; None: nobody answers."""
    command = ["systemctl", f"--{scope}", "--no-pager", "--no-ask-password", "show"]
    try:
        said = subprocess.run(
            [*command, f"-p{','.join(_PROPERTIES)}", UNIT],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE_S,
            check=True,
            env={**_with_bus(scope, environ), "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return dict(line.split("=", 1) for line in said.stdout.splitlines() if "=" in line)


def _with_bus(scope: UnitScope, environ: Mapping[str, str]) -> dict[str, str]:
    """By sudo, su and cron one comes without it, though the manager is there."""
    runtime = f"/run/user/{os.geteuid()}"
    if scope == "user" and Path(runtime, "systemd").is_dir():
        return {"XDG_RUNTIME_DIR": runtime, **environ}
    return dict(environ)


def _program(exec_start: str) -> str:
    """Of ``{ path=/usr/bin/kanband ; argv[]=… }``; empty when it says none."""
    for part in exec_start.strip("{} ").split(" ; "):
        name, _, value = part.strip().partition("=")
        if name == "path":
            return value
    return ""


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
