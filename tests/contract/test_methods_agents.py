"""``Agents``: what is configured, what it runs, and what ``any`` means."""

import asyncio
from pathlib import Path

import pytest

from kanban_ipc.control import AgentInfo, AgentsCall, AgentsReply
from kanband.config import AgentConfig, program_of
from support.control_server import served


def ask(root: Path, toml: str = "") -> AgentsReply:
    async def main() -> AgentsReply:
        async with served(root, toml) as it:
            return await it.client.call(AgentsCall(), AgentsReply)

    return asyncio.run(main())


def only(reply: AgentsReply, name: str) -> AgentInfo:
    [found] = [agent for agent in reply.agents if agent.name == name]
    return found


def test_profiles_say_where_they_come_from_and_what_they_may_use(
    tmp_path: Path,
) -> None:
    text = (
        "[limits]\nrun_s = 60\n\n[agents.fixer]\nargv = ['sh', '{{prompt}}']\n"
        "grace_s = 3\non_success = 'complete'\n"
    )
    reply = ask(tmp_path, text)
    assert [agent.name for agent in reply.agents] == ["fixer", "noop", "shell"]
    fixer, noop = only(reply, "fixer"), only(reply, "noop")
    assert fixer.configured_at == f"{tmp_path / 'kanban.toml'}, line 4"
    assert (fixer.program, fixer.problem) == ("sh", "")
    assert fixer.path is not None
    assert Path(fixer.path).name == "sh"
    assert (fixer.run_s, fixer.grace_s, fixer.on_success) == (60.0, 3.0, "complete")
    assert (noop.kind, noop.program) == ("python", "kanban_worker.agents.noop:noop")
    assert (noop.configured_at, noop.path, noop.problem) == (None, None, "")


@pytest.mark.parametrize(
    ("toml", "default", "why"),
    [
        ("", None, "built-in profiles are taken only by name"),
        ("[agents.a]", "a", "the only profile that is configured"),
        (
            "[agents.a]\n[agents.b]",
            None,
            "2 profiles are configured; set default_agent",
        ),
        ('default_agent = "shell"\n[agents.a]', "shell", "default_agent says so"),
    ],
)
def test_the_default_is_told_with_its_reason(
    tmp_path: Path, toml: str, default: str | None, why: str
) -> None:
    reply = ask(tmp_path, toml)
    assert reply.default_agent == default
    assert why in reply.default_reason
    assert [a.name for a in reply.agents if a.is_default] == (
        [default] if default else []
    )


def test_a_program_is_found_where_the_agent_would_find_it(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\n")
    elsewhere = {"PATH": "/nowhere"}

    def look(*argv: str, **env: str) -> tuple[str | None, str]:
        found = program_of(AgentConfig(argv=argv, env=env), elsewhere)
        return found.path, found.problem

    assert "chmod +x" in look(str(tool))[1]
    assert look("tool") == (
        None,
        "tool is in none of /nowhere; install it, or give its whole path in argv",
    )
    tool.chmod(0o755)
    assert look(str(tool)) == (str(tool), "")
    assert look("tool", PATH=str(tmp_path)) == (str(tool), "")
    assert "is not there" in look(str(tmp_path / "gone"))[1]
    for later in ("./fix.sh", "{{model}}"):
        assert look(later) == (None, "")
