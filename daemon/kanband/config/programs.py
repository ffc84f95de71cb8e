"""Where a profile's program is, as far as that can be told before a run.

Decided here: on which PATH it is looked for (the profile's own, else that of the
environment that workers inherit), and what cannot be told: a program that a template
names, or one whose path begins at the run's worktree. Blocks on the disk.
"""

import os
import shutil
from collections.abc import Mapping
from typing import Final, NamedTuple

from kanband.config.sections import AgentConfig

SHELL: Final = "sh"
"""What runs a ticket's instructions where a profile has no ``argv``."""
_PATH: Final = "/usr/local/bin:/usr/bin:/bin"
"""As the worker has it where its environment says nothing."""


class Program(NamedTuple):
    """What a profile runs."""

    name: str
    """Its first word, or a callable's name."""
    path: str | None = None
    """Where it was found; None: nowhere, or it cannot be told before a run."""
    problem: str = ""
    """Why it cannot be started, and what to do; empty: nothing is known against it."""


def program_of(agent: AgentConfig, environ: Mapping[str, str]) -> Program:
    """``environ``: what the workers inherit."""
    if agent.callable:
        return Program(agent.callable)
    name = agent.argv[0] if agent.argv else SHELL
    path = agent.env.get("PATH", environ.get("PATH", _PATH))
    if "{{" in name + path or (os.sep in name and not name.startswith(os.sep)):
        return Program(name)
    found = shutil.which(name, path=path)
    if found is not None:
        return Program(name, found)
    if os.sep not in name:
        folders = ", ".join(dict.fromkeys(path.split(os.pathsep)))
        where = f"{name} is in none of {folders}"
        return Program(
            name, None, f"{where}; install it, or give its whole path in argv"
        )
    if os.path.exists(name):  # noqa: PTH110 - a path as the file has it
        return Program(name, None, f"{name} may not be executed; chmod +x {name}")
    return Program(name, None, f"{name} is not there; put it there, or change argv")
