from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from support.gate import Gate
from support.repositories import git, make_repository
from support.settings import BRISK, Setting, toml
from support.system import System

NewSystem = Callable[..., System]


@pytest.fixture
def new_system(tmp_path: Path) -> Iterator[NewSystem]:
    """Make a system that is not started yet; all of them end with the test."""
    made: list[System] = []

    def make(
        settings: Mapping[str, Setting] | None = None,
        *,
        workers: int = 1,
        slots: int = 2,
    ) -> System:
        size = {"worker_count": workers, "slots": slots}
        config = toml({**BRISK, **size, **(settings or {})})
        system = System(tmp_path / f"system-{len(made)}", config)
        made.append(system)
        return system

    yield make
    for system in made:
        system.close()


@pytest.fixture
def system(new_system: NewSystem) -> System:
    """One worker of two slots, ready."""
    return new_system().start()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """On ``main``, with a ``poem.txt`` of three lines in its last commit."""
    path = make_repository(tmp_path / "repository")
    (path / "poem.txt").write_text("one\ntwo\nthree\n")
    git(path, "add", ".")
    git(path, "commit", "--quiet", "-m", "The beginning")
    return path


@pytest.fixture
def new_gate(tmp_path: Path) -> Iterator[Callable[[str], Gate]]:
    gates: list[Gate] = []

    def make(name: str) -> Gate:
        gates.append(Gate(tmp_path / f"{name}.fifo"))
        return gates[-1]

    yield make
    for gate in gates:
        gate.close()


@pytest.fixture
def started(new_gate: Callable[[str], Gate]) -> Gate:
    """Agents say their word into it."""
    return new_gate("started")


@pytest.fixture
def gate(new_gate: Callable[[str], Gate]) -> Gate:
    """Agents wait before it."""
    return new_gate("gate")
