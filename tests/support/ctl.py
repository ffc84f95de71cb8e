"""Running ``kanbanctl`` as people do: a process with its streams."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

TIMEOUT_S = 30


def command_line(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "kanbanctl", *arguments]


def environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours, without what would tell it where a daemon is."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("KANBAN_", "XDG_"))
    }
    for name in ("COLUMNS", "NO_COLOR"):
        kept.pop(name, None)
    return {**kept, "HOME": str(home), "TZ": "UTC", **(extra or {})}


def kanbanctl(
    home: Path,
    *arguments: str,
    given: bytes = b"",
    extra: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run it to its end; ``home`` is its HOME and working directory."""
    done = subprocess.run(
        command_line(*arguments),
        input=given,
        capture_output=True,
        env=environment(home, extra),
        cwd=home,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return subprocess.CompletedProcess(
        done.args,
        done.returncode,
        done.stdout.decode(),
        done.stderr.decode(),
    )
