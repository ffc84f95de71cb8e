"""Every method has its command, every command its file."""

import re
from importlib import import_module
from pathlib import Path

import click
import pytest

import kanbanctl.commands
from kanban_ipc import agent
from kanban_ipc.control import METHODS
from kanbanctl import cli, parsing

FOLDER = Path(kanbanctl.commands.__path__[0])
GROUPS = ("run", "queue", "boards", "schedule", "service")
ALONE = {"completion", *(f"service {w}" for w in ("install", "uninstall", "status"))}
"""Commands that ask nothing of the daemon."""


def command_names() -> list[str]:
    """``status``, ``run show`` …"""
    names: list[str] = []
    for name in (name for topic in cli.TOPICS.values() for name in topic):
        command = import_module(cli.module_of(name)).command
        context = click.Context(command)
        inner = command.list_commands(context) if name in GROUPS else []
        names += [f"{name} {one}" for one in inner] or [name]
    return names


def find(name: str) -> click.Command:
    command: click.Command = cli.ROOT
    for word in name.split():
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None
        command = found
    return command


def method_of(name: str) -> str:
    return "".join(word.capitalize() for word in re.split(r"[ -]", name))


def test_commands_and_methods_are_the_same() -> None:
    asking = set(command_names()) - ALONE
    methods = {*METHODS, *agent.METHODS}
    assert sorted(map(method_of, asking)) == sorted(methods)


def test_each_command_has_a_file_of_its_name_and_no_file_is_left_over() -> None:
    wanted = {re.sub(r"[ -]", "_", name) for name in (*command_names(), *GROUPS)}
    found = {path.stem.rstrip("_") for path in FOLDER.glob("[a-z]*.py")}
    assert found == wanted


@pytest.mark.parametrize("name", command_names())
def test_each_command_says_what_it_does(name: str) -> None:
    command = find(name)
    assert isinstance(command, parsing.Command)
    assert command.name == name.rsplit(maxsplit=1)[-1]
    assert command.get_short_help_str(200).endswith((".", ":"))
    context = click.Context(command, info_name=name)
    assert "Options everywhere" in command.get_help(context)


@pytest.mark.parametrize("name", command_names())
def test_each_command_speaks_its_own_method(name: str) -> None:
    stem = re.sub(r"[ -]", "_", name)
    path = FOLDER / f"{'import_' if stem == 'import' else stem}.py"
    calls = re.findall(r'\.(?:call|stream)\(\s*"(\w+)"', path.read_text("utf-8"))
    assert set(calls) == (set() if name in ALONE else {method_of(name)})


@pytest.mark.parametrize("name", ["", *GROUPS])
def test_help_lists_the_commands(name: str) -> None:
    command = find(name)
    assert isinstance(command, parsing.Group)
    context = click.Context(command, info_name=name)
    text = command.get_help(context)
    assert [one for one in command.list_commands(context) if one not in text] == []
