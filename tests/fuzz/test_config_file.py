"""Any text is a configuration or a refusal, never anything else."""

import contextlib
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kanband.config import Flags, load
from kanband.config.lines import key_lines
from kanband.errors import ConfigError

PIECES = (
    *("mode", "slots", "[lease]", "[agents.a]", "[[agents]]", "argv", "env", "=", "\n"),
    *('"', "'", '"""', "'''", "\\", "[", "]", "{", "}", ",", ".", "#", " ", "1", "-1"),
    *("nan", "true", '"managed"', '["x", "{{title}}"]', "\r\n", "\0", "é", "1e9"),
)
texts = st.one_of(
    st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
)


@given(text=texts)
@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_text_is_read_or_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "kanban.toml"
    file.write_text(text, "utf-8", newline="")
    with contextlib.suppress(ConfigError):
        load(Flags(config=str(file), state_dir="/s"), {})


KEY = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1)
VALUE = st.sampled_from(("1", "'a # b'", '"]\\""', '["a",\n "b"]', '"""\n[x]\n"""'))


@given(keys=st.dictionaries(KEY, VALUE, max_size=5), blank=st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_every_key_is_found_on_its_line(keys: dict[str, str], blank: int) -> None:
    text = "\n" * blank + "[table]\n"
    wanted: dict[tuple[str, ...], int] = {("table",): blank + 1}
    for key, value in keys.items():
        wanted["table", key] = text.count("\n") + 1
        text += f"{key} = {value} # note\n"
    tomllib.loads(text)
    assert key_lines(text) == wanted


def test_arguments_cannot_be_tricked_into_another_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(Flags(config=str(tmp_path)), {"HOME": "/h"})
