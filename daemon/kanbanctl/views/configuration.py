"""The configuration: the agents' profiles, and what a reload changed."""

from typing import Final

from kanban_ipc.control.service import AgentInfo, AgentsReply, ConfigChange, ReloadReply
from kanban_ipc.words import Applies
from kanbanctl import times
from kanbanctl.output import Output
from kanbanctl.tables import Cell, Column, cells
from kanbanctl.wording import size

APPLIES: Final[dict[Applies, str]] = {
    "now": "now",
    "next_run": "for new runs",
    "next_start": "when a worker starts",
    "restart": "after a restart",
}
CHANGES: Final = (
    Column("KEY"),
    Column("BEFORE", flexible=True, rank=1),
    Column("AFTER", flexible=True),
    Column("COUNTS"),
)
AGENTS: Final = (
    Column("AGENT"),
    Column("KIND", rank=3),
    Column("PROGRAM", flexible=True),
    Column("WALL TIME", right=True, rank=4),
    Column("SILENCE", right=True, rank=5),
    Column("LOG", right=True, rank=6),
    Column("THEN", rank=2),
    Column("CONFIGURED", flexible=True, rank=1),
)


def show_agents(output: Output, reply: AgentsReply) -> None:
    """The table; below it what any means, and each profile that cannot be used."""
    output.table(AGENTS, [_agent_row(agent) for agent in reply.agents])
    output.line()
    output.paragraphs(f"Agent any: {reply.default_reason}.")
    for agent in reply.agents:
        if agent.problem:
            output.paragraphs(f"{agent.name} cannot run: {agent.problem}.", "bad")


def _agent_row(agent: AgentInfo) -> list[Cell]:
    name = f"{agent.name} (any)" if agent.is_default else agent.name
    return cells(
        Cell(name, "strong"),
        agent.kind,
        Cell(agent.path or agent.program, "bad" if agent.problem else ""),
        times.duration(agent.run_s),
        times.duration(agent.silence_s) if agent.silence_s else "no limit",
        size(agent.log_bytes),
        agent.on_success,
        agent.configured_at or "built in",
    )


def show_reloaded(output: Output, reply: ReloadReply) -> None:
    """Each key that changed, and from when on it counts."""
    source = reply.config_file or "there is no configuration file, so the defaults"
    if not reply.changes:
        output.line(f"Nothing changed: {source} says what is in force.")
    else:
        output.table(CHANGES, [_row(change) for change in reply.changes])
    for note in reply.notes:
        output.note(note)


def _row(change: ConfigChange) -> list[Cell]:
    style = "warn" if change.applies in {"next_start", "restart"} else ""
    return cells(
        Cell(change.key, "strong"),
        "-" if change.before is None else change.before,
        "-" if change.after is None else change.after,
        Cell(APPLIES[change.applies], style),
    )
