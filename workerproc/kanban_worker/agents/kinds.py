"""Every kind of agent that is a program, by its word."""

from collections.abc import Mapping
from typing import Final

from kanban_ipc.words import AgentKind
from kanban_worker.agents.program import Program
from kanban_worker.agents.shell import Shell

PROGRAMS: Final[Mapping[AgentKind, Program]] = {"shell": Shell()}
"""``python`` is missing: it is no program, ``kanban_worker.agents.python`` calls it."""
