"""The spool of a run: what is delivered, what is set aside, what stays."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanban_ipc import agent
from kanban_ipc.link import Asked, Log, Progress, Started
from kanban_worker.core.outbox import LINES_MAX, SEQ_LAST, RunBox
from kanban_worker.core.spooled import Poison, read
from kanban_worker.shell.spool import Spool
from support.assignments import assign

NOTE = {"message": "hello", "level": "warn"}


class Bench:
    """A run with its spool, before its agent."""

    def __init__(self, root: Path) -> None:
        self.assign = assign(root)
        self.folder = Path(self.assign.run_dir) / "spool"
        self.folder.mkdir(parents=True)
        self.refused = self.folder.with_name("spool.refused")
        self.box = RunBox(self.assign.run_id, self.assign.epoch, taken_over=False)
        self.spool = Spool(self.assign)

    def data(self, method: str, parameters: dict[str, Any], **fields: Any) -> bytes:
        said = {
            "schema": 1,
            "run_id": self.assign.run_id,
            "epoch": self.assign.epoch,
            "ts_ms": 5,
            "method": method,
            "parameters": parameters,
        }
        return json.dumps({**said, **fields}).encode()

    def put(self, name: str, data: bytes) -> None:
        (self.folder / name).write_bytes(data)

    def deliver(self) -> list[Progress | Log | Asked]:
        found, _complaints = self.spool.look()
        return list(self.spool.say(found, self.box))

    def files(self) -> list[str]:
        return sorted(one.name for one in self.folder.iterdir())


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_everything_is_said_in_order_and_once(bench: Bench) -> None:
    bench.put("3.json", bench.data("Ask", {"question": "Why?", "choices": ["a"]}))
    bench.put("1.json", bench.data("Note", NOTE))
    bench.put("2.json", bench.data("Progress", {"percent": 7, "step": 1}))
    note, line, progress, asked = bench.deliver()
    assert isinstance(note, Log)
    assert (note.seq, note.ts_ms, note.level, note.message) == (1, 5, "warn", "hello")
    assert isinstance(line, Log)
    assert line.message == "progress 7 %, step 1"
    assert isinstance(progress, Progress)
    assert (progress.percent, progress.current_step) == (7, 1)
    assert isinstance(asked, Asked)
    assert (asked.question, asked.choices, asked.kind) == (
        "Why?",
        ("a",),
        "clarification",
    )
    assert bench.deliver() == []


def test_a_file_stays_until_the_daemon_has_it(bench: Bench) -> None:
    bench.put("1.json", bench.data("Note", NOTE))
    bench.put("2.json", bench.data("Note", NOTE))
    bench.deliver()
    bench.spool.acknowledged(bench.box)
    assert bench.files() == ["1.json", "2.json"]
    bench.box.acknowledge(1)
    bench.spool.acknowledged(bench.box)
    assert bench.files() == ["2.json"]
    bench.spool.acknowledged(None)
    assert bench.files() == []


def test_a_successor_says_again_what_was_not_acknowledged(bench: Bench) -> None:
    bench.put("1.json", bench.data("Note", NOTE))
    bench.deliver()
    bench.spool = Spool(bench.assign)
    bench.box = RunBox(
        bench.assign.run_id, bench.assign.epoch, taken_over=True, after=41
    )
    begun_before = bench.box.begun
    (again,) = bench.deliver()
    assert isinstance(again, Log)
    assert again.seq == 42
    assert (begun_before, bench.box.begun) == (False, True)
    assert bench.box.last_seq() == SEQ_LAST


def test_nothing_is_said_after_an_end_that_was_sent(bench: Bench) -> None:
    box = RunBox(
        bench.assign.run_id, bench.assign.epoch, taken_over=True, after=SEQ_LAST
    )
    assert box.next_seq() < SEQ_LAST
    assert not box.acknowledge(SEQ_LAST - 1)


def test_what_does_not_fit_into_the_box_waits(bench: Bench) -> None:
    for _ in range(LINES_MAX):
        bench.box.line(1, "info", "x")
    bench.put("1.json", bench.data("Ask", {"question": "Why?"}))
    assert bench.deliver() == []
    bench.box.acknowledge(LINES_MAX)
    (asked,) = bench.deliver()
    assert isinstance(asked, Asked)


def test_all_that_a_run_may_leave_is_said_at_its_end_its_question_too(
    bench: Bench,
) -> None:
    """While the daemon is away nothing of the run is acknowledged."""
    run = bench.assign
    bench.box.keep(Started(run.run_id, run.epoch, bench.box.next_seq(), 1))
    for number in range(agent.SPOOL_FILES_MAX - 1):
        bench.put(f"1-{number}.json", bench.data("Note", NOTE))
    bench.put("2.json", bench.data("Ask", {"question": "Why?"}))
    *_, asked = bench.deliver()
    assert isinstance(asked, Asked)


def test_a_file_that_cannot_be_set_aside_stays_and_is_looked_at_once(
    bench: Bench,
) -> None:
    bench.refused.write_bytes(b"in the way")
    bench.put("1.json", b"{}")
    _found, complaints = bench.spool.look()
    bench.spool.acknowledged(bench.box)
    assert (len(complaints), bench.spool.look()) == (1, ([], []))
    assert bench.files() == ["1.json"]


def test_a_file_that_cannot_be_read_now_is_read_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_args: object) -> int:
        raise OSError(errno.EMFILE, "no descriptor is free")

    bench.put("1.json", bench.data("Ask", {"question": "Why?"}))
    with monkeypatch.context() as short:
        short.setattr(os, "open", fails)
        assert bench.deliver() == []
    assert [type(one) for one in bench.deliver()] == [Asked]


def test_a_question_is_the_same_by_either_way(bench: Bench) -> None:
    """One that was said, and spooled as no answer came, is to be asked once."""
    said = {"question": " Why?\n", "choices": ["a", " a", "b"]}
    bench.put("1.json", bench.data("Ask", said))
    (asked,) = bench.deliver()
    assert isinstance(asked, Asked)
    assert (asked.question, asked.choices) == ("Why?", ("a", "b"))


@pytest.mark.parametrize(
    ("method", "parameters", "fields"),
    [
        ("Note", NOTE, {"epoch": 9}),
        ("Note", NOTE, {"run_id": "other"}),
        ("Note", NOTE, {"schema": 2}),
        ("Note", NOTE, {"ts_ms": -1}),
        ("Show", {}, {}),
        ("Note", {"message": ""}, {}),
        ("Note", {"message": "a\0"}, {}),
        ("Note", {"message": "x" * 4_001}, {}),
        ("Note", {"message": "x", "level": "loud"}, {}),
        ("Note", {"message": "x", "more": 1}, {}),
        ("Progress", {"percent": 101}, {}),
        ("Progress", {"percent": 1, "step": -1}, {}),
        ("Ask", {"question": " "}, {}),
        ("Ask", {"question": "x", "choices": ["a"] * 21}, {}),
        ("Ask", {"question": "x", "choices": ["a" * 201]}, {}),
    ],
)
def test_poison_is_set_aside_and_the_next_is_said(
    bench: Bench,
    method: str,
    parameters: dict[str, Any],
    fields: dict[str, Any],
) -> None:
    bench.put("1.json", bench.data(method, parameters, **fields))
    bench.put("2.json", bench.data("Note", NOTE))
    found, complaints = bench.spool.look()
    assert [one.name for one in found] == ["2.json"]
    assert len(complaints) == 1
    assert bench.files() == ["2.json"]
    assert [one.name for one in bench.refused.iterdir()] == ["1.json"]


def test_what_is_no_plain_file_is_not_opened(bench: Bench, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(bench.data("Note", NOTE))
    (bench.folder / "1.json").symlink_to(secret)
    os.mkfifo(bench.folder / "2.json")
    (bench.folder / "3.json").mkdir()
    (bench.folder / ".4.json").write_bytes(b"being written")
    bench.put("5.json", b"x" * (agent.SPOOL_FILE_BYTES_MAX + 1))
    found, complaints = bench.spool.look()
    assert (found, len(complaints)) == ([], 4)
    assert bench.files() == [".4.json"]
    assert secret.exists()


@given(st.binary(max_size=300))
def test_any_bytes_are_poison(data: bytes) -> None:
    run = assign(Path("/s"))
    with pytest.raises(Poison):
        read(data, run.run_id, run.epoch)
