"""Which workers could do a ticket now, and how to say that none can."""

from collections.abc import Sequence

from kanban_ipc.control import WorkerInfo
from kanband.config import Mode
from kanband.shell.not_managed import how_to_start


def able(infos: Sequence[WorkerInfo], agent: str, repo: str | None) -> list[WorkerInfo]:
    """Connected workers that take this agent and this repository."""
    return [each for each in _present(infos) if _takes(each, agent, repo)]


def free_slots(infos: Sequence[WorkerInfo]) -> int:
    """How many runs these workers could begin at once."""
    return sum(max(each.slots - len(each.current), 0) for each in infos)


def nobody_can(
    infos: Sequence[WorkerInfo], agent: str, repo: str | None, mode: Mode
) -> str:
    """Why no connected worker can do it and what to do; empty: one can."""
    if able(infos, agent, repo):
        return ""
    if not infos:
        return f"there is no worker; start one: {how_to_start(mode)}"
    present = _present(infos)
    if not present:
        states = ", ".join(
            f"{each.worker_id} is {_condition(each)}" for each in infos[:5]
        )
        return (
            f"no worker is connected ({states}); see kanbanctl status, or start one: "
            f"{how_to_start(mode)}"
        )
    where = f" --repo {repo}" if repo and any(each.repo for each in present) else ""
    return (
        f"no connected worker takes agent {agent}"
        + (f" for {repo}" if where else "")
        + f"; start one that does: {how_to_start(mode, f' --agent {agent}{where}')}"
    )


def _present(infos: Sequence[WorkerInfo]) -> list[WorkerInfo]:
    return [
        each
        for each in infos
        if each.connected and each.wanted == "run" and each.activity != "draining"
    ]


def _takes(info: WorkerInfo, agent: str, repo: str | None) -> bool:
    return (not info.agents or agent in info.agents) and info.repo in (None, repo)


def _condition(info: WorkerInfo) -> str:
    if info.activity == "draining":
        return "draining"
    return info.state if info.state != "RUNNING" else "running but silent"
