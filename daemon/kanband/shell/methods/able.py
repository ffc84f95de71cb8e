"""Which workers could do a ticket now, and how to say that none can."""

import shlex
from collections.abc import Sequence
from typing import NamedTuple

from kanban_ipc.control import Ticket, WorkerInfo
from kanband.config import Mode
from kanband.shell.not_managed import how_to_start


class Task(NamedTuple):
    """What a worker may be restricted by: the agent (``any`` resolved), where, what."""

    agent: str
    repo: str | None
    labels: frozenset[str]

    @classmethod
    def of(cls, ticket: Ticket, agent: str, infos: Sequence[WorkerInfo]) -> "Task":
        """Of its labels those that some worker asks for; the others make no odds."""
        asked = frozenset(label for each in infos for label in each.labels)
        return cls(agent, ticket.repo_path, asked.intersection(ticket.labels))


def able(infos: Sequence[WorkerInfo], task: Task) -> list[WorkerInfo]:
    """Connected workers that take it."""
    return [each for each in _present(infos) if _takes(each, task)]


def free_slots(infos: Sequence[WorkerInfo]) -> int:
    """How many runs these workers could begin at once."""
    return sum(max(each.slots - len(each.current), 0) for each in infos)


def nobody_can(infos: Sequence[WorkerInfo], task: Task, mode: Mode) -> str:
    """Why no connected worker can do it and what to do; empty: one can."""
    if able(infos, task):
        return ""
    if not infos:
        return f"there is no worker; start one: {how_to_start(mode)}"
    present = _present(infos)
    if not present:
        states = ", ".join(
            f"{each.worker_id} is {_condition(each)}" for each in infos[:5]
        )
        if all(each.state == "STARTING" for each in infos):
            return f"its workers are only just starting ({states}): kanbanctl status"
        return (
            f"no worker is connected ({states}); see kanbanctl status, or start one: "
            f"{how_to_start(mode)}"
        )
    has_place = task.repo and any(each.repo for each in present)
    where = f" --repo {shlex.quote(task.repo)}" if task.repo and has_place else ""
    what = f"agent {task.agent}" + (f" for {task.repo}" if has_place else "")
    if any(each.labels for each in present):
        what += f" with labels {', '.join(sorted(task.labels)) or '(none of theirs)'}"
    return (
        f"no connected worker takes {what}"
        f"{_asked(present)}; start one that does: "
        + how_to_start(
            mode,
            f" --agent {task.agent}" + where,
        )
    )


def _asked(present: Sequence[WorkerInfo]) -> str:
    """Which labels they want to see."""
    asked = [
        f"{each.worker_id} asks for {', '.join(each.labels)}"
        for each in present
        if each.labels
    ]
    return f" ({'; '.join(asked[:3])})" if asked else ""


def _present(infos: Sequence[WorkerInfo]) -> list[WorkerInfo]:
    return [
        each
        for each in infos
        if each.connected and each.wanted == "run" and each.activity != "draining"
    ]


def _takes(info: WorkerInfo, task: Task) -> bool:
    return (
        (not info.agents or task.agent in info.agents)
        and info.repo in (None, task.repo)
        and task.labels.issuperset(info.labels)
    )


def _condition(info: WorkerInfo) -> str:
    if info.activity == "draining":
        return "draining"
    return info.state if info.state != "RUNNING" else "running but silent"
