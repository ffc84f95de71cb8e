"""Every move of a user, from every state that a ticket can rest in, by ``kanbanctl``.

Written down from the specification, not taken from the table in the code. Each ticket
is moved once; ``move`` takes many and answers for each, so the table is a few calls.
``needs_input`` and ``conflicted`` are not reached here: nothing in this test asks, and
nothing merges.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.system import System

NewSystem = Callable[..., System]
COLUMNS = ("backlog", "ready", "in-progress", "blocked", "review", "done")
LEGAL: dict[str, dict[str, str]] = {
    "backlog": {"backlog": "backlog", "ready": "ready", "blocked": "blocked"},
    "ready": {"backlog": "backlog", "ready": "ready", "blocked": "blocked"},
    "working": {"in-progress": "working"},
    "failed": {"backlog": "backlog", "ready": "ready", "blocked": "failed"},
    "blocked": {"backlog": "backlog", "ready": "ready", "blocked": "blocked"},
    "in_review": {
        "ready": "ready",
        "blocked": "blocked",
        "review": "in_review",
        "done": "completed",
    },
    "to approve": {"done": "approved"},
    "approved": {
        "ready": "ready",
        "blocked": "blocked",
        "review": "approved",
        "done": "completed",
    },
    "completed": {"review": "in_review", "done": "completed"},
    "cancelled": {"ready": "ready"},
}
"""State → column → state; what is not here is refused. ``to approve``: in review, with
a repository."""
KINDS = tuple(LEGAL)
EXTRA = ("cancel", "cancelled by its move")
REFUSED_WITH = {"working": "TicketLocked"}


class Board:
    """A ticket for each kind and each thing that is to be done with it."""

    def __init__(self, system: System, repository: Path) -> None:
        self.system = system
        items = [
            item(kind, wish, repository)
            for kind in KINDS
            for wish in (*COLUMNS, *EXTRA)
        ]
        lines = "\n".join(json.dumps(each) for each in items)
        given = system.ctl("import", "-", "--format", "jsonl", "-q", stdin=lines)
        ids = map(int, given.stdout.split())
        self.ids: dict[str, int] = dict(
            zip([each["key"] for each in items], ids, strict=True)
        )

    def of(self, *kinds: str) -> list[str]:
        """The numbers of all tickets of these kinds, as words."""
        return [
            str(self.id(kind, wish)) for kind in kinds for wish in (*COLUMNS, *EXTRA)
        ]

    def id(self, kind: str, wish: str) -> int:
        return self.ids[f"{kind}/{wish}"]

    def states(self) -> dict[int, str]:
        found = self.system.ctl_json("list", "--limit", "0", "--cancelled")
        return {each["id"]: each["state"] for each in found["tickets"]}


def item(kind: str, wish: str, repository: Path) -> dict[str, Any]:
    script = {"failed": "exit 1", "working": "exec sleep 600"}.get(kind, "true")
    agent = "noop" if kind == "completed" else "shell"
    made = {"title": f"{kind} {wish}", "key": f"{kind}/{wish}", "agent": agent}
    if kind in ("to approve", "approved"):
        made["repo"] = str(repository)
    return {**made, "instructions": script, "max_retries": 0}


def led(board: Board) -> None:
    """Lead every ticket into its state, with the queue paused at the end."""
    ctl = board.system.ctl
    begun = board.of(*(kind for kind in KINDS if kind not in ("backlog", "ready")))
    ctl("cancel", *board.of("cancelled"))
    ctl("block", *board.of("blocked"), "--reason", "for the table")
    begun = [
        number for number in begun if number not in board.of("cancelled", "blocked")
    ]
    ctl("ready", *begun)
    # Every one of them passes through working, and only some stay there.
    working = board.of("working")
    over = [number for number in begun if number not in working]
    ctl("wait", *over, *_rest("failed", "in_review", "completed"))
    ctl("wait", *working, "--for", "working")
    ctl("move", *board.of("approved"), "done")
    ctl("queue", "pause")
    ctl("ready", *board.of("ready"))
    states = board.states()
    for kind in KINDS:
        wanted = "in_review" if kind == "to approve" else kind
        assert {states[int(number)] for number in board.of(kind)} == {wanted}, kind


def _rest(*states: str) -> list[str]:
    return [word for state in states for word in ("--for", state)]


@pytest.fixture
def board(new_system: NewSystem, repository: Path) -> Board:
    system = new_system(slots=16).start()
    made = Board(system, repository)
    led(made)
    return made


def test_every_move_is_made_or_refused_with_its_reason(board: Board) -> None:
    ctl = board.system.ctl
    for column in COLUMNS:
        moved = [str(board.id(kind, column)) for kind in KINDS]
        done = ctl("--json", "move", *moved, column, check=False)
        assert done.returncode == 1, "some of them are refused"
        answer = json.loads(done.stdout)
        granted = {each["id"]: each["state"] for each in answer["tickets"]}
        refused = {each["ticket_id"]: each for each in answer["refused"]}
        for kind in KINDS:
            number = board.id(kind, column)
            target = _target(kind, column)
            if target is not None:
                assert granted.get(number) == target, (kind, column, refused)
                continue
            against = refused[number]
            wanted = REFUSED_WITH.get(kind, "InvalidTransition")
            assert against["error"] == wanted, (kind, column, against)
            said = against["message"]
            assert f"Ticket {number} is " in said
            assert "can be moved to" in said or "kanbanctl " in said, said
    _cancels(board)
    _live_ones_are_moved_when_their_runs_are_cancelled(board)


def _target(kind: str, column: str) -> str | None:
    legal = LEGAL["in_review"] | LEGAL[kind] if kind == "to approve" else LEGAL[kind]
    return legal.get(column)


def _cancels(board: Board) -> None:
    """Anything that is not done, leased or not; nothing else in the same call."""
    ctl = board.system.ctl
    kinds = [kind for kind in KINDS if kind != "completed"]
    ctl("cancel", *(str(board.id(kind, "cancel")) for kind in kinds))
    states = board.states()
    assert {states[board.id(kind, "cancel")] for kind in kinds} == {"cancelled"}
    done = ctl("cancel", str(board.id("completed", "cancel")), check=False)
    assert done.returncode == 1
    assert "is completed; there is nothing to cancel" in done.stderr


def _live_ones_are_moved_when_their_runs_are_cancelled(board: Board) -> None:
    ctl = board.system.ctl
    number = str(board.id("working", "cancelled by its move"))
    for column in ("review", "done"):
        done = ctl("move", number, column, "--cancel", check=False)
        assert (
            "With --cancel it can be moved to Backlog, Ready or Blocked" in done.stderr
        )
    ctl("move", number, "blocked", "--cancel")
    other = str(board.id("working", "ready"))
    ctl("move", other, "ready", "--cancel")
    third = str(board.id("working", "done"))
    ctl("move", third, "backlog", "--cancel")
    states = board.states()
    found = [states[int(one)] for one in (number, other, third)]
    assert found == ["blocked", "ready", "backlog"]
