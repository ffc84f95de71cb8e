"""The shim cannot import the contract, so its names are checked against it."""

import json
import os
from pathlib import Path

import pytest

from kanban_ipc import layout
from kanban_worker import shim
from kanban_worker.shell.launch import _program
from kanban_worker.shell.rundir import Absent, Prepared, state_of


def test_the_shims_file_names_are_the_contracts() -> None:
    assert [
        shim.SPEC,
        shim.LOCK,
        shim.IDENTITY,
        shim.CUTS,
        shim.EXIT,
        shim.REAPED,
        shim.STDOUT,
        shim.STDERR,
        shim.NONCE,
    ] == [
        layout.RUN_SHIM_SPEC,
        layout.RUN_SHIM_LOCK,
        layout.RUN_SHIM,
        layout.RUN_CUTS,
        layout.RUN_EXIT,
        layout.RUN_REAPED,
        layout.RUN_STDOUT,
        layout.RUN_STDERR,
        layout.RUN_MARK,
    ]


@pytest.mark.parametrize(
    "value",
    [{}, {"a": None, 'ü\n"\\': [1, -2, "x", []]}, {"t": True, "f": False, "n": 1.5}],
)
def test_what_the_shim_writes_it_reads_as_json_does(value: dict[str, object]) -> None:
    assert json.loads(shim.encode(value)) == value
    assert shim.decode(json.dumps(value)) == value


def test_an_outdated_compiled_shim_is_not_run(tmp_path: Path) -> None:
    source, compiled = tmp_path / "shim.py", tmp_path / "shim.pyc"
    source.touch()
    assert _program(source, str(compiled)) == source
    assert _program(source, None) == source
    compiled.touch()
    assert _program(source, str(compiled)) == compiled
    os.utime(compiled, (0, 0))
    assert _program(source, str(compiled)) == source


def test_a_directory_without_a_launch_is_prepared(tmp_path: Path) -> None:
    assert state_of(tmp_path / "none") == Absent()
    assert state_of(tmp_path) == Prepared()
