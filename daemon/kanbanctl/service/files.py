"""What is installed: compared with what is wanted, written, taken away.

Decided here: what a person has changed is refused before anything is touched, and with
``--force`` kept beside it; a file is replaced as a whole or not at all.
"""

import difflib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from kanbanctl.failures import BadInput, Refused
from kanbanctl.service.texts import (
    PROGRAMS,
    FileState,
    Scope,
    Wanted,
    body_of,
    judged,
    stamped,
)

KEPT: Final = ".bak"
"""No unit's ending: systemd passes it over."""


class Compared(NamedTuple):
    """A wanted file and what is at its place."""

    path: Path
    text: str
    found: str | None
    state: FileState


def units_dir(scope: Scope, environ: Mapping[str, str]) -> Path:
    """Where the manager looks for what an administrator, or its user, installed."""
    if scope == "system":
        return Path("/etc/systemd/system")
    config = environ.get("XDG_CONFIG_HOME", "")
    base = Path(config) if config.startswith("/") else Path.home() / ".config"
    return base / "systemd" / "user"


def programs_dir(told: str | None, candidates: Sequence[str]) -> str:
    """The first folder with all of our programs. Raises ``BadInput``."""
    folders = candidates if told is None else [told]
    for folder in folders:
        if all(os.access(f"{folder}/{name}", os.X_OK) for name in PROGRAMS):
            return folder
    raise BadInput(
        f"{', '.join(PROGRAMS)} are not all in {' or '.join(folders)}, and the units "
        "have to name them; install kanband (pipx install kanband), or say with "
        "--programs where they are."
    )


def compare(files: Sequence[Wanted]) -> list[Compared]:
    """Each file with what is there. Raises ``Refused`` for one that cannot be read."""
    return [
        Compared(path, text, found := _read(path), _state(path, found, text))
        for path, text in files
    ]


def _state(path: Path, found: str | None, text: str) -> FileState:
    # A link is somebody's doing: masked, or led to another place.
    return "changed" if path.is_symlink() else judged(found, text)


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.") from error


def difference(file: Compared) -> str:
    """A unified diff from what is there to what is wanted; empty when nothing is."""
    if file.found is None or file.state == "current":
        return ""
    lines = difflib.unified_diff(
        body_of(file.found).splitlines(keepends=True),
        file.text.splitlines(keepends=True),
        f"{file.path} (installed)",
        f"{file.path} (new)",
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def refuse_changed(files: Sequence[Compared], edit: str) -> None:
    """Raises ``Refused`` naming what a person has changed. ``edit``: how to change it
    instead."""
    changed = [str(file.path) for file in files if file.state == "changed"]
    if changed:
        raise Refused(
            f"somebody has changed {', '.join(changed)}; nothing was touched. Put "
            f"changes into a file of their own ({edit}), which stays through every "
            f"version; or repeat this with --force, and what is there is kept as "
            f"*{KEPT}."
        )


def write(files: Sequence[Compared]) -> list[Path]:
    """Those that differ; their paths. Raises ``Refused``."""
    written = [file for file in files if file.state != "current"]
    for path, text, _, state in written:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if state == "changed":
                path.replace(_aside(path))
            draft = path.with_name(f".{path.name}.new")
            draft.write_text(stamped(text), "utf-8")
            draft.chmod(0o644)
            draft.replace(path)
        except OSError as error:
            raise Refused(f"{path} cannot be written: {error.strerror}.") from error
    return [file.path for file in written]


def remove(files: Sequence[Compared]) -> list[Path]:
    """Those that are there; what was changed is kept beside. Raises ``Refused``."""
    there = [file for file in files if file.state != "missing"]
    for path, _, _, state in there:
        try:
            if state == "changed":
                path.replace(_aside(path))
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise Refused(f"{path} cannot be removed: {error.strerror}.") from error
    return [file.path for file in there]


def _aside(path: Path) -> Path:
    return path.with_name(path.name + KEPT)


def drop_ins(files: Sequence[Wanted]) -> list[Path]:
    """What a person has added beside our units."""
    folders = [path.with_name(f"{path.name}.d") for path, _ in files]
    return [folder for folder in folders if folder.is_dir()]


def others_may_change(paths: Sequence[str]) -> str | None:
    """The first of these, or of the folders above, that not only root may change."""
    for path in paths:
        for place in (path, os.path.realpath(path)):
            for part in (Path(place), *Path(place).parents):
                seen = part.lstat()
                # In a sticky folder one's own entries are safe from others.
                loose = seen.st_mode & 0o022 and not seen.st_mode & 0o1000
                if seen.st_uid != 0 or (loose and not part.is_symlink()):
                    return str(part)
    return None
