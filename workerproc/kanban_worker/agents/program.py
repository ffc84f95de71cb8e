"""What a kind of agent that is a program has to say; it never starts anything.

The worker makes the ticket's files and place (``Brief``), asks the kind how to
``start`` the program, lets a shim run it, and afterwards asks what the program
``told`` about its end. Everything else (worktree, environment, limits, exit record,
commit, result) is the same for all kinds and not known here.

A new kind is a module beside this one with a class of this shape, its word in
``kanban_ipc.words.AgentKind``, and its line in ``kanban_worker.agents.kinds``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from kanban_ipc.link import Agent, Work
from kanban_worker.core.routing import Told


class SetupError(Exception):
    """The agent cannot be started as the ticket and its profile are; for people."""


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """What a kind may build its command from."""

    agent: Agent
    work: Work
    variables: Mapping[str, str]
    """For templates; the paths in it are those of files that exist at the start."""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """How to start the program."""

    argv: tuple[str, ...]
    """Not empty; each argument is passed as it is."""


class Program(Protocol):
    """One kind."""

    def start(self, brief: Brief) -> Start:
        """Raises ``SetupError``."""

    def told(self, stdout: Path, stderr: Path) -> Told:
        """What the complete output says about the end. Must not raise on any bytes."""
