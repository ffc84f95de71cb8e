"""What several files of this folder use."""

from pathlib import Path

import pytest

from support.ticket_bench import TicketBench


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TicketBench:
    """Independent of the machine's git configuration."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return TicketBench(tmp_path)
