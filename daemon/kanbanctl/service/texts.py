"""What is to be installed: the project's units, for one manager and these programs.

Decided here: where the units are taken from, what is changed in them (the programs'
folder alone), and how a file tells that a person has changed it since: its first line
holds the checksum of the others, as no list beside it could lose it.
"""

import hashlib
import os
import re
from pathlib import Path
from typing import Final, Literal, NamedTuple

from kanbanctl.failures import BadInput

Scope = Literal["user", "system"]
FileState = Literal["missing", "current", "outdated", "changed"]
"""``outdated``: as another version of us wrote it; ``changed``: by a person."""

DAEMON: Final = "kanband.service"
WORKERS: Final = "kanban-workers.service"
OWN_WORKER: Final = "kanban-worker@.service"
PROGRAMS: Final = ("kanband", "kanbanctl", "kanban-worker")
USUAL: Final[dict[Scope, str]] = {"user": "%h/.local/bin/", "system": "/usr/local/bin/"}
"""As the units have them; ``pipx install`` puts them there (``--global``)."""
_BESIDE_UNITS: Final = {
    "sysusers.d": "/etc/sysusers.d",
    "tmpfiles.d": "/etc/tmpfiles.d",
}
_HEAD: Final = '# Written by "kanbanctl service install"; sha256 of the rest: '
_STAMP: Final = re.compile(re.escape(_HEAD) + "[0-9a-f]{64}\n")
_EXEC_START: Final = re.compile(r"^ExecStart=(\S*/)kanband$", re.MULTILINE)
_PLAIN_PATH: Final = re.compile(r"/[A-Za-z0-9._+@/-]*")
"""Nothing that a unit or the shell in one would read as anything else."""


class Wanted(NamedTuple):
    """A file to be installed."""

    path: Path
    text: str
    """Without the stamp."""


def wanted(scope: Scope, units_dir: Path, programs_dir: str) -> list[Wanted]:
    """Every file, by path. Raises ``BadInput`` for a folder that no unit can name."""
    if programs_dir != USUAL[scope] and not _PLAIN_PATH.fullmatch(programs_dir):
        raise BadInput(
            f"the programs are in {programs_dir}, and the units cannot name a folder "
            "with such characters; install kanband elsewhere (pipx does), or name a "
            "folder of links to it with --programs."
        )
    folder = programs_dir.rstrip("/") + "/"
    home_bin = os.path.expanduser("~/.local/bin/")  # noqa: PTH111 (a text)
    if scope == "user" and folder == home_bin:
        folder = USUAL["user"]
    files = [
        Wanted(units_dir / path.name, path.read_text("utf-8"))
        for path in sorted((_source() / scope).iterdir())
    ]
    if scope == "system":
        files += [
            Wanted(Path(target, path.name), path.read_text("utf-8"))
            for name, target in _BESIDE_UNITS.items()
            for path in sorted((_source() / name).iterdir())
        ]
    return [
        each._replace(text=each.text.replace(USUAL[scope], folder)) for each in files
    ]


def _source() -> Path:
    """In the wheel inside of our package; in a checkout where people edit them."""
    package = Path(__file__).parents[1]
    packaged = package / "units"
    return packaged if packaged.is_dir() else package.parents[1] / "systemd"


def programs_in(unit: str | None) -> str:
    """The folder that a daemon's unit names; empty where it names none."""
    found = _EXEC_START.search(unit or "")
    return found[1] if found else ""


def stamped(text: str) -> str:
    """As it is written."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{_HEAD}{digest}\n{text}"


def judged(found: str | None, text: str) -> FileState:
    """What is there (None: nothing), against what is wanted."""
    if found is None:
        return "missing"
    if (body := body_of(found)) == text:
        return "current"
    return "outdated" if stamped(body) == found else "changed"


def body_of(found: str) -> str:
    """Without the stamp, if there is one."""
    return _STAMP.sub("", found, count=1) if _STAMP.match(found) else found
