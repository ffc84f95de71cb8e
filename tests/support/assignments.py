"""Assignments as the daemon would make them."""

import itertools
from pathlib import Path
from typing import Any

from kanban_ipc.link import Agent, Assign, Limits, Work
from kanban_ipc.words import Epoch, RunId, TicketId

_NUMBERS = itertools.count(1)
SHELL = Agent("shell", "shell")
NOOP = Agent(
    "noop", "python", callable="kanban_worker.agents.noop:noop", worktree=False
)


def new_run_id() -> RunId:
    return RunId(f"01920000-0000-7000-8000-{next(_NUMBERS):012d}")


def assign(
    state_dir: Path,
    instructions: str = "",
    *,
    repo: Path | None = None,
    agent: Agent = SHELL,
    ticket: int | None = None,
    title: str = "Do it",
    limits: Limits | None = None,
    **work: Any,
) -> Assign:
    """A new run. ``work``: further fields of the ticket."""
    run_id = new_run_id()
    number = next(_NUMBERS) if ticket is None else ticket
    return Assign(
        run_id=run_id,
        epoch=Epoch(1),
        attempt=1,
        work=Work(
            ticket_id=TicketId(number),
            title=title,
            instructions=instructions,
            repo_path=str(repo) if repo else "",
            **work,
        ),
        agent=agent,
        limits=limits or Limits(grace_s=1.0),
        run_dir=str(state_dir / "runs" / run_id),
    )
