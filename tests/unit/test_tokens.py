"""Tokens of runs: derived, told apart, and of one key alone."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanban_ipc.words import Epoch, RunId
from kanband.core import tokens
from kanband.errors import ConfigError
from kanband.shell.passes import Passes, read_key

KEY = bytes(range(32))
RUN = RunId("01976f3a-2d00-7abc-8def-000000000001")
OTHER = RunId("01976f3a-2d00-7abc-8def-000000000002")


def test_a_token_opens_its_run_in_its_epoch() -> None:
    text = tokens.token(KEY, RUN, Epoch(3))
    assert tokens.holder(KEY, text) == (RUN, 3)
    assert tokens.token(KEY, RUN, Epoch(3)) == text


def test_tokens_of_other_runs_epochs_and_keys_are_others() -> None:
    made = {
        tokens.token(key, run, Epoch(epoch))
        for key in (KEY, bytes(32))
        for run in (RUN, OTHER)
        for epoch in (1, 2, 11)
    }
    assert len(made) == 12


def test_a_token_is_not_made_from_another() -> None:
    text = tokens.token(KEY, RUN, Epoch(3))
    mac = text.rpartition(".")[2]
    for forged in (
        f"{OTHER}.3.{mac}",
        f"{RUN}.4.{mac}",
        f"{RUN}.03.{mac}",
        f"{RUN}.3.{mac[:-1]}",
        f"{RUN}.3.{mac}=",
        f" {text}",
        text + "\n",
        text.upper(),
        "",
    ):
        assert tokens.holder(KEY, forged) is None
    assert tokens.holder(bytes(32), text) is None


@given(st.text())
def test_any_text_is_no_token(text: str) -> None:
    assert tokens.holder(KEY, text) is None


def test_a_key_is_made_once_and_is_its_users_alone(tmp_path: Path) -> None:
    path = tmp_path / "agent.key"
    key = read_key(path)
    assert read_key(path) == key
    assert len(key) == tokens.KEY_BYTES
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["agent.key"]
    other = read_key(tmp_path / "other.key")
    assert other != key
    passes = Passes(key, tmp_path / "agent.sock")
    assert passes.holder(passes.token(RUN, Epoch(1))) == (RUN, 1)
    assert passes.url == f"unix:{tmp_path}/agent.sock"


def test_a_key_that_others_may_know_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "agent.key"
    read_key(path)
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="0600"):
        read_key(path)
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(ConfigError, match="32 bytes"):
        read_key(path)
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_key(path)
