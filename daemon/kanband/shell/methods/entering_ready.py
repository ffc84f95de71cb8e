"""What a ticket needs before it may enter Ready: an agent, and its repository.

A stat and no more: whether the repository works is found out by the worker, whose
check fails the run as ``setup``. The daemon itself never touches a repository.
"""

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from kanban_ipc.control import NewTicket, Ticket
from kanband.config import Config, resolve_agent
from kanband.shell.methods.answers import refused
from kanband.shell.methods.arguments import DISK_PATIENCE_S
from kanband.shell.ports import Daemon

_EDIT: Final = "of a ticket that is there: kanbanctl edit"


class Needs(NamedTuple):
    """What a ticket names."""

    agent: str
    repo_path: str | None

    @classmethod
    def of(cls, ticket: Ticket | NewTicket) -> "Needs":
        """Of a ticket, new or not."""
        return cls(ticket.agent, ticket.repo_path)


async def obstacles(daemon: Daemon, needs: Iterable[Needs]) -> dict[Needs, str]:
    """Why tickets with these needs may not enter Ready; who may is left out."""
    found: dict[Needs, str] = {}
    paths: dict[str, str] = {}
    for each in dict.fromkeys(needs):
        text = agent_obstacle(daemon.config, each.agent)
        if not text and (path := _repository(daemon.config, each)):
            if path not in paths:
                paths[path] = await _repository_obstacle(path)
            text = paths[path]
        if text:
            found[each] = text
    return found


async def check_ready(daemon: Daemon, tickets: Iterable[Ticket]) -> None:
    """Refuse when one of the tickets may not enter Ready."""
    everyone = list(tickets)
    against = await obstacles(daemon, [Needs.of(each) for each in everyone])
    for each in everyone:
        if reason := against.get(Needs.of(each)):
            raise refused(f"ticket {each.id} cannot become Ready: {reason}")


def agent_obstacle(config: Config, agent: str) -> str:
    """Why an agent's name means nothing now; empty: it means a profile."""
    if resolve_agent(config, agent) is not None:
        return ""
    known = ", ".join(config.agents)
    if agent == "any":
        return (
            "its agent is any, and nothing says which that is; set default_agent in "
            f"kanban.toml, or name one with --agent ({_EDIT}; there are: {known})"
        )
    return (
        f"there is no agent profile {agent!r}; add [agents.{agent}] to kanban.toml, or "
        f"name another with --agent ({_EDIT}; there are: {known})"
    )


def _repository(config: Config, needs: Needs) -> str | None:
    """The repository that must be there: a callable needs none."""
    name = resolve_agent(config, needs.agent)
    if name is None or config.agents[name].kind == "python":
        return None
    return needs.repo_path


async def _repository_obstacle(path: str) -> str:
    try:
        async with asyncio.timeout(DISK_PATIENCE_S):
            return await asyncio.to_thread(_look, Path(path))
    except TimeoutError:
        return f"its repository {path} does not answer; is its disk away?"


def _look(path: Path) -> str:
    try:
        path.stat()
    except OSError as error:
        return (
            f"its repository {path} cannot be used: {error.strerror}; "
            f"put it there, or name another with --repo ({_EDIT})"
        )
    if not os.path.lexists(path / ".git"):
        return (
            f"{path} has no .git; run git init there, or name the top directory of a "
            f"git repository with --repo ({_EDIT})"
        )
    return ""
