"""The daemon's log lines, each form as its reader needs it."""

import io
import json
import logging
import os
import socket
import struct
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from kanband.shell import logs
from kanband.shell.journal import PATIENCE_S, Journal
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


# The second: an ancestor's stderr was the journal, ours is not.
@pytest.mark.parametrize("environ", [{}, {"JOURNAL_STREAM": "8:1"}])
def test_lines_go_to_stderr_and_to_the_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    root_logger: logging.Logger,
    environ: dict[str, str],
) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    logs.set_up(tmp_path, environ, logging.INFO)
    assert type(root_logger.handlers[0].formatter) is AsJson
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


@pytest.mark.parametrize("there", [True, False])
def test_a_journal_gets_entries_where_it_can_be_reached_and_lines_elsewhere(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    root_logger: logging.Logger,
    there: bool,
) -> None:
    address = tmp_path / "journal"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journald:
        if there:
            journald.bind(str(address))
        monkeypatch.setattr(logs, "Journal", partial(Journal, address))
        with (tmp_path / "stderr").open("w+") as stderr:
            monkeypatch.setattr(sys, "stderr", stderr)
            seen = os.fstat(stderr.fileno())
            told = {"JOURNAL_STREAM": f"{seen.st_dev}:{seen.st_ino}"}
            logs.set_up(tmp_path, told, logging.INFO)
            root_logger.info("hello", extra={"fields": {"pid": 5}})
            stderr.seek(0)
            assert stderr.read() == ("" if there else "<6>hello pid=5\n")
        if there:
            found = entry(journald)
            assert (found["MESSAGE"], found["KANBAN_PID"]) == (b"hello pid=5", b"5")


def entry(journald: socket.socket) -> dict[str, bytes]:
    """One datagram, or what it handed over, as journald reads it."""
    data, handed, _, _ = socket.recv_fds(journald, 1 << 20, 1)
    for descriptor in handed:
        data = os.pread(descriptor, 1 << 24, 0)
        os.close(descriptor)
    fields = {}
    while data:
        name, _, rest = data.partition(b"\n")
        [length] = struct.unpack("<Q", rest[:8])
        fields[name.decode()] = rest[8 : 8 + length]
        data = rest[8 + length + 1 :]
    return fields


@pytest.fixture
def journald(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "journal"))
        yield bound


@pytest.fixture
def journal(journald: socket.socket) -> Iterator[Journal]:
    made = Journal(Path(journald.getsockname()))
    yield made
    made.close()


def test_an_entry_has_what_the_record_names_as_fields(
    journald: socket.socket, journal: Journal
) -> None:
    named = {"worker": "worker-1", "odd name": "a\nPRIORITY=0\n\udcff", "x" * 80: 1}
    journal.emit(failed(**named))
    found = entry(journald)
    assert found["PRIORITY"] == b"3"
    assert found["SYSLOG_IDENTIFIER"] == b"kanband"
    assert found["KANBAN_WORKER"] == b"worker-1"
    assert found["KANBAN_ODD_NAME"] == b"a\nPRIORITY=0\n\\udcff"
    message = found["MESSAGE"].decode().splitlines()
    assert message[0] == "it went wrong"
    assert message[-1] == "ZeroDivisionError: division by zero"
    assert max(map(len, found)) == 64


def test_an_entry_that_no_datagram_holds_is_handed_over_as_a_file(
    journald: socket.socket, journal: Journal
) -> None:
    journal.emit(record("x" * (1 << 22)))
    assert len(entry(journald)["MESSAGE"]) == 1 << 22


def test_a_journal_that_does_not_read_costs_little_and_breaks_nothing(
    journald: socket.socket, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    journald.setblocking(False)
    before = time.monotonic()
    full = 0
    while full < 3:
        began = time.monotonic()
        journal.emit(record("hello"))
        full += time.monotonic() - began >= PATIENCE_S
    assert time.monotonic() - before < 5
    journald.close()
    journal.emit(record("hello"))
