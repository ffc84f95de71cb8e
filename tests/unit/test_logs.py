"""The daemon's log lines, each form as its reader needs it."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kanband.shell import logs
from kanband.shell.logs import AsJson, ForJournal, ForPeople


def record(
    text: str = "ready", level: int = logging.INFO, **fields: object
) -> logging.LogRecord:
    made = logging.LogRecord("kanband.x", level, "file.py", 1, text, (), None)
    made.created = 1_700_000_000.25
    if fields:
        made.fields = fields
    return made


def failed(**fields: object) -> logging.LogRecord:
    made = record("it went wrong", logging.ERROR, **fields)
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        made.exc_info = sys.exc_info()
    return made


def test_people_get_time_level_message_and_values() -> None:
    line = ForPeople().format(record(pid=5, way="stop"))
    assert line == "2023-11-14T22:13:20.250Z INFO    ready pid=5 way=stop"


def test_people_get_the_values_beside_the_message_and_the_traceback_below() -> None:
    first, *rest = ForPeople().format(failed(run=7)).splitlines()
    assert first == "2023-11-14T22:13:20.250Z ERROR   it went wrong run=7"
    assert rest[0].startswith("Traceback")
    assert rest[-1] == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    ("level", "priority"),
    [
        (logging.CRITICAL, 2),
        (logging.ERROR, 3),
        (logging.WARNING, 4),
        (logging.INFO, 6),
        (logging.DEBUG, 7),
    ],
)
def test_the_journal_gets_a_priority_and_no_time(level: int, priority: int) -> None:
    assert ForJournal().format(record(level=level, a=1)) == f"<{priority}>ready a=1"


def test_each_line_of_a_record_has_its_priority_in_the_journal() -> None:
    first, *rest = ForJournal().format(failed(run=7)).splitlines()
    assert first == "<3>it went wrong run=7"
    assert len(rest) > 1
    assert all(line.startswith("<3>") for line in rest)
    assert ForJournal().format(record("")) == "<6>"


def test_a_program_gets_one_json_object_a_line() -> None:
    line = AsJson().format(record("a\nb", pid=5, path=Path("/x")))
    assert "\n" not in line
    assert json.loads(line) == {
        "ts": "2023-11-14T22:13:20.250Z",
        "level": "info",
        "logger": "kanband.x",
        "message": "a\nb",
        "pid": 5,
        "path": "/x",
    }
    error = json.loads(AsJson().format(failed()))["error"]
    assert error.endswith("ZeroDivisionError: division by zero")


def test_fields_that_are_none_are_no_fields() -> None:
    made = record()
    made.fields = "not a mapping"
    assert ForPeople().format(made).endswith("ready")


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.raiseExceptions
    yield root
    for handler in root.handlers:
        handler.close()
    root.handlers[:], level, logging.raiseExceptions = before
    root.setLevel(level)


@pytest.mark.parametrize(
    ("environ", "kind"), [({}, AsJson), ({"JOURNAL_STREAM": "8:1"}, ForJournal)]
)
def test_lines_go_to_stderr_and_to_the_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    root_logger: logging.Logger,
    environ: dict[str, str],
    kind: type[logging.Formatter],
) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    logs.set_up(tmp_path, environ, logging.INFO)
    assert type(root_logger.handlers[0].formatter) is kind
    logging.getLogger("kanband.x").info("hello", extra={"fields": {"pid": 5}})
    logging.getLogger("kanband.x").debug("not this")
    kept = (tmp_path / "daemon.log").read_text()
    assert kept.endswith("INFO    hello pid=5\n")
    assert kept.count("\n") == shown.getvalue().count("\n") == 1
    assert "hello" in shown.getvalue()


def test_the_file_is_rotated_and_old_ones_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root_logger: logging.Logger
) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setattr(logs, "FILE_BYTES_MAX", 1_000)
    logs.set_up(tmp_path, {}, logging.INFO)
    for _ in range(100):
        root_logger.info("x" * 100)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["daemon.log", "daemon.log.1", "daemon.log.2", "daemon.log.3"]
    assert all(path.stat().st_size <= 1_000 for path in tmp_path.iterdir())
