"""A log that is read while it grows and is set aside, by a thread that the loop may
tell to let go."""

import logging
import logging.handlers
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kanban_worker.shell import log
from kanband.shell.methods.tail import Hole, Tail

PATIENCE_S = 20.0


def descriptors(path: Path) -> int:
    """How many of this process lead to the file."""
    links = Path("/proc/self/fd")
    return sum(_leads_to(link, path) for link in links.iterdir())


def _leads_to(link: Path, path: Path) -> bool:
    try:
        return link.readlink() == path
    except FileNotFoundError:
        return False


def test_a_close_during_a_read_leaves_no_descriptor(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("a line\n")
    reading, go_on = threading.Event(), threading.Event()

    def slow() -> Hole | None:
        reading.set()
        assert go_on.wait(PATIENCE_S)
        return None

    tail = Tail(path, hole=slow)
    thread = threading.Thread(target=tail.read, daemon=True)
    thread.start()
    assert reading.wait(PATIENCE_S)
    assert descriptors(path) == 1
    tail.close()
    go_on.set()
    thread.join(PATIENCE_S)
    assert descriptors(path) == 0


def test_a_read_after_the_close_opens_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("a line\n")
    tail = Tail(path)
    assert tail.read() == "a line\n"
    tail.close()
    assert tail.read() is None
    assert descriptors(path) == 0


KEPT = 3
LINES = [f"line {number}" for number in range(2_000)]


@contextmanager
def rotating(path: Path, bytes_max: int = 400) -> Iterator[logging.Handler]:
    """The daemon's writer, with little room."""
    writer = logging.handlers.RotatingFileHandler(
        path, maxBytes=bytes_max, backupCount=KEPT
    )
    yield writer
    writer.close()


def write(writer: logging.Handler, text: str) -> None:
    writer.emit(logging.LogRecord("x", logging.INFO, "", 0, text, None, None))


def rest(tail: Tail) -> list[str]:
    """All there is, with a second look, as one that follows takes it."""
    pieces = []
    for _ in range(2):
        while (text := tail.read()) is not None:
            pieces.append(text)
    return "".join(pieces).splitlines()


def test_one_that_follows_the_daemons_log_reads_each_line_once(tmp_path: Path) -> None:
    path = tmp_path / "daemon.log"
    path.touch()
    tail = Tail(path, lines=0, kept=KEPT)
    seen = rest(tail)
    turn = random.Random(7)
    with rotating(path) as writer:
        for line in LINES:
            write(writer, line)
            # Often within a file, sometimes after the second or third since.
            if turn.random() < 0.015:
                seen += rest(tail)
        seen += rest(tail)
    assert (tmp_path / "daemon.log.3").exists()
    lost = [line for line in seen if line.startswith("[lines may be missing")]
    seen = [line for line in seen if line not in lost]
    assert seen == sorted(set(seen), key=LINES.index), "none twice, in order"
    assert lost or seen == LINES
    tail.close()


def test_one_that_looks_in_time_misses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "daemon.log"
    path.touch()
    tail = Tail(path, lines=0, kept=KEPT)
    seen = rest(tail)
    with rotating(path) as writer:
        for number, line in enumerate(LINES):
            write(writer, line)
            if number % 70 == 0:  # 36 lines a file: it is two behind
                seen += rest(tail)
        seen += rest(tail)
    assert seen == LINES
    tail.close()


def test_one_that_comes_too_late_is_told_of_the_gap(tmp_path: Path) -> None:
    path = tmp_path / "daemon.log"
    path.write_text("first\n")
    tail = Tail(path, kept=KEPT)
    assert rest(tail) == ["first"]
    with rotating(path) as writer:
        for line in LINES:
            write(writer, line)
    seen = rest(tail)
    told = "[lines may be missing here: the log was set aside more often than it is "
    assert seen[0].startswith("line "), "its own file is read to the end first"
    [gap] = [place for place, line in enumerate(seen) if line.startswith(told)]
    after = seen[gap + 1 :]
    assert after == LINES[-len(after) :]
    tail.close()


def test_a_workers_log_is_followed_over_its_rotation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "FILE_BYTES_MAX", 1_000)
    path = tmp_path / "worker-1.log"
    with path.open("a") as file:
        own = log.Log("worker-1", file)
        tail = Tail(path, lines=0, kept=KEPT)
        seen = rest(tail)
        for number in range(100):
            own.line("info", f"n={number}")
            own.flush()
            own.rotate(path)
            if number % 10 == 0:
                seen += rest(tail)
        seen += rest(tail)
    assert path.with_name("worker-1.log.1").exists()
    assert [line.rpartition("=")[2] for line in seen] == [str(n) for n in range(100)]
    tail.close()


def test_the_last_lines_reach_back_into_what_was_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "daemon.log"
    with rotating(path) as writer:
        for line in LINES:
            write(writer, line)
    for count in (1, 10, 36, 37, 100):
        tail = Tail(path, lines=count, kept=KEPT)
        pieces = []
        while (text := tail.read()) is not None:
            pieces.append(text)
        assert "".join(pieces).splitlines() == LINES[-count:], count
        tail.close()
    assert not descriptors(path)


def test_what_is_written_as_the_log_is_set_aside_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    with path.open("a") as late:
        late.write("before\n")
        late.flush()
        tail = Tail(path, kept=KEPT)
        assert tail.read() == "before\n"
        path.rename(tmp_path / "x.log.1")
        path.write_text("new\n")
        assert tail.read() is None
        late.write("late\n")
    assert rest(tail) == ["late", "new"]
    tail.close()
