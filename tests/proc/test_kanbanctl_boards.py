"""``kanbanctl`` about boards and edits, against a scripted server on a real socket."""

import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kanban_ipc import varlink
from kanban_ipc.control import (
    BoardColumn,
    BoardQueue,
    BoardReply,
    BoardsReply,
    ChangedReply,
    Denial,
    Ticket,
)
from kanban_ipc.words import COLUMNS
from support.control_samples import TICKET
from support.ctl import kanbanctl
from support.varlink_server import serving

MAIN = BoardQueue(
    board="main",
    paused=True,
    backlog=0,
    ready=3,
    in_progress=1,
    blocked=1,
    review=0,
    done=0,
    wip_limit=1,
)
READY = msgspec.structs.replace(
    TICKET, id=18, state="ready", column="Ready", priority="medium", waits_for="wip"
)
FAILED = msgspec.structs.replace(
    TICKET, id=9, state="failed", column="Blocked", priority="medium", title="Tests"
)
BOARD = BoardReply(
    board=MAIN,
    columns=[
        BoardColumn(column=column, total=total, tickets=tickets)
        for column, total, tickets in zip(
            COLUMNS,
            (0, 3, 1, 1, 0, 0),
            ([], [READY], [TICKET], [FAILED], [], []),
            strict=True,
        )
    ],
)
BELOW = """\
main  PAUSED

Backlog 0

Ready 3
  #18 Sort the imports of every module (waits for its board)
  … 2 more

In Progress 1/1
  #17 Sort the imports of every module (high)

Blocked 1
  #9 Tests (failed)

Review 0

Done 0
"""
BESIDE = """\
main  PAUSED
Backlog 0  Ready 3               In Progress 1/1       Blocked 1             Review 0\
  Done 0
           #18 Sort the import…  #17 Sort the import…  #9 Tests
           … 2 more
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


def ask(path: Path, *words: str, **settings: Any) -> subprocess.CompletedProcess[str]:
    return kanbanctl(path.parent, *words, "--socket", str(path), **settings)


@pytest.mark.parametrize(("columns", "page"), [("", BELOW), ("93", BESIDE)])
def test_a_board_is_shown_as_wide_as_the_terminal(
    path: Path, columns: str, page: str
) -> None:
    with serving(path, {"Board": varlink.reply(BOARD)}):
        done = ask(path, "board", extra={"COLUMNS": columns})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == page


@pytest.mark.parametrize("columns", [30, 60, 90, 120])
def test_a_board_fits_the_terminal(path: Path, columns: int) -> None:
    with serving(path, {"Board": varlink.reply(BOARD)}):
        done = ask(path, "board", extra={"COLUMNS": str(columns)})
    assert max(map(len, done.stdout.splitlines())) <= columns


@pytest.mark.parametrize(
    "words", [("boards",), ("boards", "--json"), ("boards", "list")]
)
def test_boards_alone_lists_them(path: Path, words: tuple[str, ...]) -> None:
    with serving(path, {"BoardsList": varlink.reply(BoardsReply(boards=[MAIN]))}):
        done = ask(path, *words)
    assert done.returncode == 0
    assert ('"wip_limit": 1' if "--json" in words else "1/1") in done.stdout


def test_an_unknown_word_after_boards_is_no_board(path: Path) -> None:
    assert ask(path, "boards", "main").returncode == 2


def changed(*tickets: Ticket, refused: tuple[Denial, ...] = ()) -> bytes:
    return varlink.reply(ChangedReply(tickets=[*tickets], refused=[*refused]))


def test_a_partial_refusal_is_told_for_each_and_exits_1(path: Path) -> None:
    denial = Denial(ticket_id=9, error="NotFound", message="There is no ticket 9.")
    with serving(path, {"Edit": changed(READY, refused=(denial,))}):
        done = ask(path, "edit", "18", "9", "--priority", "low")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "#18 ready: Sort the imports of every module",
        "  it waits for its board",
    ]
    assert done.stderr == "kanbanctl: #9: There is no ticket 9.\n"


@pytest.mark.parametrize(
    "words",
    [
        ("edit", "1"),
        ("edit", "1", "--clear", "title"),
        ("edit", "1", "--at", "soon"),
        ("edit", "1", "--priority", "11"),
        ("comment", "1"),
        ("block", "1"),
        ("delete", "1"),
    ],
)
def test_what_cannot_be_meant_is_a_mistake_of_usage(
    path: Path, words: tuple[str, ...]
) -> None:
    assert ask(path, *words).returncode == 2
