"""A test that takes ``store`` runs on every implementation of the verbs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.stores import Bench, ModelHandle, sqlite_handle


@pytest.fixture(params=["model", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """A new store; at the end its history must be lawful."""
    if request.param == "model":
        bench = Bench(ModelHandle())
        yield bench
        assert bench.violations() == []
        return
    with sqlite_handle(tmp_path / "kanban.db") as handle:
        bench = Bench(handle)
        yield bench
        assert bench.violations() == []
