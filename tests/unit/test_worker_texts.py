"""What an agent is given: names, templates, prompt, environment."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanban_ipc.link import Agent, Assign, Exchange, Limits, Work
from kanban_ipc.words import Epoch, RunId, TicketId
from kanban_worker.core import naming
from kanban_worker.core.changes import NAMES_BYTES_MAX, read
from kanban_worker.core.environment import agent_environment
from kanban_worker.core.prompt import prompt, ticket_markdown
from kanban_worker.core.template import TemplateError, fill, fill_argv

WORK = Work(
    TicketId(5), "Mend it", "It is **broken**.", "Be careful.", labels=("a", "b")
)


def an_assignment(agent: Agent) -> Assign:
    return Assign(RunId("run"), Epoch(2), 3, WORK, agent, Limits(), "/runs/run")


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Format the module!", "format-the-module"),
        ("  Äpfel & Öl ", "apfel-ol"),
        ("../../etc/passwd", "etc-passwd"),
        ("数学", "ticket"),
        ("x" * 100, "x" * 40),
        ("a" * 39 + " b", "a" * 39),
    ],
)
def test_a_slug_is_short_plain_and_never_empty(title: str, slug: str) -> None:
    assert naming.slug(title) == slug


@given(st.text())
def test_any_title_makes_a_folder_and_a_branch_that_git_takes(title: str) -> None:
    name = naming.folder(5, title, 2)
    assert name.startswith("5-")
    assert name.endswith("-2")
    assert not set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert naming.branch(name) == f"kanban/{name}"


def test_a_template_is_filled_once_and_its_values_are_left_alone() -> None:
    values = {"title": "{{priority}} $(x)", "priority": "low"}
    assert fill("{{title}}-{{ priority }}", values) == "{{priority}} $(x)-low"
    assert fill("{ {title}} {{}} {{a b}}", values) == "{ {title}} {{}} {{a b}}"


@given(st.text(), st.text())
def test_an_argument_stays_one_argument(title: str, label: str) -> None:
    if "\0" in title + label:
        return
    values = {"title": title, "labels": label}
    argv = fill_argv(["run", "{{title}}", "--l={{labels}}"], values)
    assert argv == ("run", title, f"--l={label}")


def test_an_unknown_variable_a_nul_and_too_long_an_argument_are_errors() -> None:
    with pytest.raises(TemplateError, match=r"\{\{titel\}\}.*use: \{\{title\}\}"):
        fill("{{titel}}", {"title": ""})
    with pytest.raises(TemplateError, match="NUL"):
        fill_argv(["{{title}}"], {"title": "a\0b"})
    with pytest.raises(TemplateError, match="prompt_file"):
        fill_argv(["{{title}}"], {"title": "é" * 70_000})


def test_the_prompt_has_every_part_of_the_ticket_in_order() -> None:
    work = Work(TicketId(5), "T", "D", "I", "urgent", ("l",), previous_failure="F")
    text = prompt(work, "/w", {}, "")
    parts = [
        "# T",
        "D",
        "I",
        "urgent",
        "Labels: l",
        "/w",
        "previous attempt",
        "F",
        "75",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_medium_priority_no_labels_and_no_failure_are_not_mentioned() -> None:
    text = prompt(Work(TicketId(5), "T"), "/w", {}, "")
    assert "priority" not in text
    assert "Labels" not in text
    assert "previous" not in text


def test_a_profiles_template_replaces_the_prompt() -> None:
    assert prompt(WORK, "/w", {"title": "T"}, "Do {{title}}") == "Do T"


def test_the_ticket_as_markdown_is_what_people_wrote() -> None:
    text = ticket_markdown(WORK)
    assert text.startswith("# Mend it\n\nTicket 5, medium, general, a, b\n")
    assert "It is **broken**." in text
    assert "Be careful." in text


def test_the_environment_is_built_from_nothing() -> None:
    own = {"HOME": "/h", "PATH": "/p", "TOKEN": "t", "WANTED": "w", "TERM": "xterm"}
    agent = Agent("a", "shell", env_pass=("WANTED", "ABSENT"))
    env = agent_environment(
        an_assignment(agent),
        own,
        {"KEY": "k", "KANBAN_RUN_ID": "forged"},
        {"WORKTREE": "/w"},
    )
    assert "TOKEN" not in env
    assert "ABSENT" not in env
    assert (env["HOME"], env["PATH"], env["TERM"]) == ("/h", "/p", "dumb")
    assert (env["WANTED"], env["KEY"]) == ("w", "k")
    assert env["KANBAN_RUN_ID"] == "run"
    assert (env["KANBAN_EPOCH"], env["KANBAN_ATTEMPT"]) == ("2", "3")
    assert env["KANBAN_WORKTREE"] == "/w"


def test_changes_are_named_up_to_a_bound_and_always_counted() -> None:
    few = read(b"M\0a\0R100\0old\0new\0A\0\xff\0", b" 3 files changed, 1 insertion(+)")
    assert [(each.status, each.path) for each in few.files] == [
        ("M", "a"),
        ("R100", "new"),
        ("A", "\ufffd"),
    ]
    assert (few.files_count, few.insertions, few.deletions) == (3, 1, 0)
    many = read(b"A\0x\0" * 3_000, b" 3000 files changed, 5 deletions(-)")
    assert (len(many.files), many.files_count, many.deletions) == (2_000, 3_000, 5)
    long = read((b"A\0" + b"x" * 4_000 + b"\0") * 500, b"")
    assert sum(len(each.path) for each in long.files) < NAMES_BYTES_MAX
    assert long.files_count == 500
    assert read(b"", b"").files_count == 0
    assert read(b"M\0", b"").files_count <= 1


def test_what_was_asked_and_answered_is_in_prompt_ticket_and_environment() -> None:
    exchanges = (
        Exchange("Which colour?\n# Red?", "Blue"),
        Exchange("May I?", "yes", "permission"),
    )
    work = Work(TicketId(5), "T", exchanges=exchanges)
    for text in (prompt(work, "/w", {}, ""), ticket_markdown(work)):
        assert "Asked:\n\n> Which colour?\n> # Red?\n\nAnswered:\n\n> Blue" in text
        assert text.index("Which colour?") < text.index("Asked for permission")
    assign = msgspec.structs.replace(an_assignment(Agent("a", "shell")), work=work)
    env = agent_environment(assign, {}, {}, {})
    assert (env["KANBAN_QUESTION"], env["KANBAN_ANSWER"]) == ("May I?", "yes")


def test_who_has_asked_nothing_has_empty_words() -> None:
    env = agent_environment(an_assignment(Agent("a", "shell")), {}, {}, {})
    assert (env["KANBAN_QUESTION"], env["KANBAN_ANSWER"]) == ("", "")
    assert "Asked" not in ticket_markdown(WORK)
