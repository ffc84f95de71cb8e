"""Agents as the configuration knows them, and what ``any`` means.

Decided here: the two profiles that are always there; that a ``[agents.shell]`` or
``[agents.noop]`` of the file replaces the built-in one whole and then counts as the
user's; and what a run's limits are (the ticket's own wall time, else the profile's,
else ``[limits]``).
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from kanban_ipc.link import Agent, Limits, Resources
from kanband.config.check import one_of
from kanband.config.lines import KeyPath
from kanband.config.sections import (
    AgentConfig,
    AgentTable,
    Config,
    ResourcesConfig,
)
from kanband.store.values import AgentGate, ClaimPolicy, RetryPolicy

ANY: Final = "any"

BUILT_IN: Final[dict[str, AgentConfig]] = {
    "shell": AgentConfig(kind="shell"),
    "noop": AgentConfig(
        kind="python",
        callable="kanban_worker.agents.noop:noop",
        worktree=False,
    ),
}

PROFILE_BYTES_MAX: Final = 128 << 10
"""Of all texts of a profile: an assignment carries them beside a ticket's, and must fit
the link. It is what the kernel takes for one argument: execve(2)."""

TEMPLATE_VARIABLES: Final = (
    "title",
    "description",
    "instructions",
    "priority",
    "labels",
    "repo_path",
    "branch",
    "base_branch",
    "worktree",
    "model",
    "ticket_id",
    "run_id",
    "prompt",
    "prompt_file",
    "instructions_file",
    "ticket_json",
    "ticket_md",
)
"""What a profile's templates may name; the worker fills them in."""

_OF_PROGRAMS: Final = (
    "argv",
    "env",
    "env_pass",
    "worktree",
    "expects_change",
    "prompt_template",
    "silence_s",
    "log_mib",
    "resources",
)
"""What would silently do nothing for a call: it has no process and no worktree."""

_IO_BEST_EFFORT: Final = 2 << 13
_IO_IDLE: Final = 3 << 13
_IO_LEVEL: Final = 4
"""As ioprio_set(2) has a class and a level in one number; 4 is its own default."""

_VARIABLE: Final = re.compile(r"\{\{\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*\}\}")
"""As the worker reads it; other braces are a program's own business."""


def profile_faults(name: str, table: AgentTable) -> Iterator[tuple[KeyPath, str]]:
    """What types do not say of a configured profile: (key under it, what is wrong)."""
    if name == ANY:
        yield (), 'may not be called "any": that means the default agent'
    if table.kind == "python":
        yield from _python_faults(table)
        return
    if table.callable:
        yield ("callable",), 'is for kind = "python"; a program has argv'
    if table.resources.io_level is not None and table.resources.io_class is None:
        text = 'is of io_class = "best-effort", which is not set'
        yield ("resources", "io_level"), text
    if table.resources.io_level is not None and table.resources.io_class == "idle":
        yield ("resources", "io_level"), 'is of io_class = "best-effort"; idle has none'
    if table.argv and not table.argv[0]:
        yield ("argv",), "begins with an empty string; allowed: a program first"
    size = sum(len(text.encode()) for text in _all_texts(table))
    if size > PROFILE_BYTES_MAX:
        fault = (
            f"has texts of {size} bytes; allowed: {PROFILE_BYTES_MAX} in all, as they "
            "go with every run; put long ones into files that the program reads"
        )
        yield (), fault
    texts: list[tuple[KeyPath, str]] = [(("argv",), each) for each in table.argv]
    texts += [(("env", key), text) for key, text in table.env.items()]
    for key, text in texts:
        yield from (
            (key, fault) for fault in _template_faults(text, TEMPLATE_VARIABLES)
        )
    # The prompt cannot contain itself.
    of_prompt = [each for each in TEMPLATE_VARIABLES if each != "prompt"]
    for fault in _template_faults(table.prompt_template, of_prompt):
        yield ("prompt_template",), fault


def _all_texts(table: AgentTable) -> Iterator[str]:
    yield from table.argv
    yield from table.env_pass
    for pair in table.env.items():
        yield from pair
    yield table.model
    yield table.prompt_template


def _python_faults(table: AgentTable) -> Iterator[tuple[KeyPath, str]]:
    if not table.callable:
        yield (), 'has kind = "python" and no callable; write package.module:function'
    for key in _OF_PROGRAMS:
        if getattr(table, key) != getattr(AgentTable(), key):
            text = 'is for programs; a profile of kind = "python" is a call in a worker'
            yield (key,), text


def _template_faults(text: str, known: Sequence[str]) -> Iterator[str]:
    for match in _VARIABLE.finditer(text):
        name = match.group(1)
        if name not in known:
            yield f"uses {{{{{name}}}}}, which is not known{one_of(name, known)}"


def default_agent(config: Config) -> str:
    """What ``any`` means; empty when nothing says it."""
    if config.default_agent:
        return config.default_agent
    if len(config.configured) == 1:
        return next(iter(config.configured))
    return ""


def resolve_agent(config: Config, name: str) -> str | None:
    """The profile's name, ``any`` resolved; None when there is no such profile."""
    wanted = default_agent(config) if name == ANY else name
    return wanted if wanted in config.agents else None


def claim_policy(config: Config) -> ClaimPolicy:
    """What a claim must know of the configuration."""
    return ClaimPolicy(
        default_agent=default_agent(config),
        agents={
            name: AgentGate(
                in_place=agent.kind != "python" and not agent.worktree,
                provider=agent.provider,
            )
            for name, agent in config.agents.items()
        },
        max_runs_per_repo=config.queue.max_runs_per_repo,
        starvation_bound=config.queue.starvation_bound,
    )


def retry_policy(config: Config) -> RetryPolicy:
    """``[retries]`` as the store takes it."""
    retries = config.retries
    return RetryPolicy(
        initial_s=retries.initial_s,
        factor=retries.factor,
        max_s=retries.max_s,
        jitter=retries.jitter,
    )


def agent_for_run(config: Config, name: str) -> Agent:
    """A profile as the worker needs it. ``name`` is a profile's, never ``any``."""
    agent = config.agents[name]
    return Agent(
        name=name,
        kind=agent.kind,
        argv=agent.argv,
        callable=agent.callable,
        env=agent.env,
        env_pass=agent.env_pass,
        model=agent.model,
        worktree=agent.worktree,
        expects_change=agent.expects_change,
        prompt_template=agent.prompt_template,
        exit_codes={int(code): name for code, name in agent.exit_codes.items()},
    )


def limits_for(config: Config, name: str, timeout_s: float | None = None) -> Limits:
    """What one run may use; ``timeout_s`` is the ticket's own wall time."""
    agent, limits, workers = config.agents[name], config.limits, config.workers
    log_mib = _first(agent.log_mib, limits.log_mib)
    return Limits(
        run_s=_first(timeout_s, _first(agent.run_s, limits.run_s)),
        silence_s=_first(agent.silence_s, limits.silence_s),
        log_bytes=int(log_mib) << 20,
        grace_s=_first(agent.grace_s, workers.grace_s),
        resources=_resources(agent.resources),
    )


def _resources(table: ResourcesConfig) -> Resources:
    level = _IO_LEVEL if table.io_level is None else table.io_level
    levels = {None: None, "idle": _IO_IDLE, "best-effort": _IO_BEST_EFFORT + level}
    return Resources(
        memory_bytes=_mib(table.memory_mib),
        processes=table.processes,
        cpu_percent=table.cpu_percent,
        file_size_bytes=_mib(table.file_size_mib),
        open_files=table.open_files,
        nice=table.nice,
        io_priority=levels[table.io_class],
        oom_score_adj=table.oom_score_adj,
        address_space_bytes=_mib(table.address_space_mib),
    )


def _mib(value: int | None) -> int | None:
    return None if value is None else value << 20


def _first(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def on_success(config: Config, name: str) -> Literal["review", "complete"]:
    """Where a good run leaves its ticket."""
    agent = config.agents[name]
    if agent.on_success is not None:
        return agent.on_success
    return "complete" if agent.kind == "python" else "review"
