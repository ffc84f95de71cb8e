"""``Agents``: the profiles, what each runs, and which of them ``any`` means."""

import asyncio
import os
from collections.abc import Mapping

from kanban_ipc.control import AgentInfo, AgentsCall, AgentsReply
from kanband.config import (
    Config,
    Program,
    default_agent,
    limits_for,
    on_success,
    program_of,
)
from kanband.shell.methods.arguments import DISK_PATIENCE_S
from kanband.shell.ports import Daemon


async def agents(daemon: Daemon, _call: AgentsCall) -> AgentsReply:
    """Configured profiles first; the PATH is that of the daemon and its workers."""
    config = daemon.config
    programs = await find_programs(config, os.environ)
    default = default_agent(config)
    return AgentsReply(
        agents=[
            _info(config, name, programs[name], is_default=name == default)
            for name in sorted(
                config.agents, key=lambda n: (_is_built_in(config, n), n)
            )
        ],
        default_agent=default or None,
        default_reason=_why(config, default),
    )


async def find_programs(
    config: Config, environ: Mapping[str, str]
) -> dict[str, Program]:
    """Every profile's program; a disk that does not answer is told as its problem."""

    def look() -> dict[str, Program]:
        return {name: program_of(a, environ) for name, a in config.agents.items()}

    try:
        async with asyncio.timeout(DISK_PATIENCE_S):
            return await asyncio.to_thread(look)
    except TimeoutError:
        text = "a directory of PATH does not answer; is its disk away?"
        return {name: Program(name, None, text) for name in config.agents}


def _is_built_in(config: Config, name: str) -> bool:
    return name not in config.configured


def _info(
    config: Config, name: str, program: Program, *, is_default: bool
) -> AgentInfo:
    agent, limits = config.agents[name], limits_for(config, name)
    return AgentInfo(
        name=name,
        kind=agent.kind,
        program=program.name,
        path=program.path,
        problem=program.problem,
        configured_at=config.defined_at.get(name),
        is_default=is_default,
        model=agent.model,
        worktree=agent.worktree,
        on_success=on_success(config, name),
        run_s=limits.run_s,
        silence_s=limits.silence_s,
        log_bytes=limits.log_bytes,
        grace_s=limits.grace_s,
    )


def _why(config: Config, default: str) -> str:
    if config.default_agent:
        return f"{default}, for default_agent says so"
    if default:
        return f"{default}, the only profile that is configured"
    if config.configured:
        count = len(config.configured)
        return (
            f"none: {count} profiles are configured; set default_agent in kanban.toml, "
            "then: kanbanctl reload"
        )
    return (
        "none: built-in profiles are taken only by name; set default_agent in "
        "kanban.toml, then: kanbanctl reload"
    )
