"""Every move of a user, from every state that a ticket can rest in, by ``kanbanctl``.

Written down from the specification, not taken from the tables in the code; the first
test says when those have grown by what is not here. Each ticket is moved once, and one
of each kind stays: it takes every move that changes nothing or is refused, and then it
is cancelled. ``move`` takes many and answers for each, so the table is a few calls.
"""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from kanban_ipc.words import TICKET_STATES, Column
from kanband.core.tickets import USER
from support import traces
from support.system import System

NewSystem = Callable[..., System]
NEEDS_A_MERGE = {"conflicted"}
"""States that nothing in this version leads to."""
COLUMNS = ("backlog", "ready", "in-progress", "blocked", "review", "done")
MERGED = "done --merged"
LEGAL: dict[str, dict[str, str]] = {
    "backlog": {"backlog": "backlog", "ready": "ready", "blocked": "blocked"},
    "ready": {"backlog": "backlog", "ready": "ready", "blocked": "blocked"},
    "assigned": {"in-progress": "assigned"},
    "working": {"in-progress": "working"},
    "needs_input": {"backlog": "backlog", "ready": "ready", "blocked": "needs_input"},
    "failed": {"backlog": "backlog", "ready": "ready", "blocked": "failed"},
    "blocked": {"backlog": "backlog", "ready": "ready", "blocked": "blocked"},
    "in_review": {
        "ready": "ready",
        "blocked": "blocked",
        "review": "in_review",
        "done": "completed",
        MERGED: "completed",
    },
    "to approve": {
        "ready": "ready",
        "blocked": "blocked",
        "review": "in_review",
        "done": "approved",
        MERGED: "completed",
    },
    "approved": {
        "ready": "ready",
        "blocked": "blocked",
        "review": "approved",
        "done": "approved",
        MERGED: "completed",
    },
    "completed": {"review": "in_review", "done": "completed", MERGED: "completed"},
    "cancelled": {"ready": "ready"},
}
"""State → column → state; what is not here is refused. ``to approve``: in review, with
a repository. A cancellation is legal from all but ``completed``."""
WITH_CANCEL = {"backlog": "backlog", "ready": "ready", "blocked": "blocked"}
"""Of ``assigned`` and ``working``, when the same move ends the run."""
LEASED = ("assigned", "working")
STATE_OF = {kind: "in_review" if kind == "to approve" else kind for kind in LEGAL}
LONG = "exec sleep 600"
STAYS = "stays"
SLOTS = 4
"""As many as there are of ``working``: they leave no room for ``assigned``."""


def moves_of(kind: str) -> list[str]:
    """Columns that a ticket of the kind leaves its state for."""
    wanted = WITH_CANCEL if kind in LEASED else LEGAL[kind]
    return [column for column, state in wanted.items() if state != STATE_OF[kind]]


def test_every_state_and_every_move_of_the_core_is_in_these_tables() -> None:
    assert {column.lower().replace(" ", "-") for column in get_args(Column)} == set(
        COLUMNS
    )
    assert set(STATE_OF.values()) | NEEDS_A_MERGE == set(TICKET_STATES)
    led_to: dict[str, set[str]] = {state: set() for state in STATE_OF.values()}
    for kind, state in STATE_OF.items():
        wanted = WITH_CANCEL if kind in LEASED else LEGAL[kind]
        led_to[state] |= {wanted[column] for column in moves_of(kind)}
        if kind in LEASED:
            led_to[state] -= {"backlog"}  # two edges: it is freed first
        if kind not in ("completed", "cancelled"):
            led_to[state] |= {"cancelled"}
    assert led_to == {state: set(USER[state]) for state in led_to}  # type: ignore[index]


class Board:
    """For each kind a ticket for each move that changes it, and one that stays."""

    def __init__(self, system: System, repository: Path) -> None:
        self.system = system
        items = [
            item(kind, wish, repository)
            for kind in LEGAL
            for wish in (*moves_of(kind), STAYS)
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
            str(number)
            for key, number in self.ids.items()
            if key.partition("/")[0] in kinds
        ]

    def id(self, kind: str, wish: str = STAYS) -> int:
        return self.ids[f"{kind}/{wish}"]

    def states(self) -> dict[int, str]:
        found = self.system.ctl_json("list", "--limit", "0", "--cancelled")
        return {each["id"]: each["state"] for each in found["tickets"]}


def item(kind: str, wish: str, repository: Path) -> dict[str, Any]:
    script = {
        "failed": "exit 1",
        "assigned": LONG,
        "working": LONG,
        "needs_input": "kanbanctl ask 'Which?'",
    }.get(kind, "true")
    agent = "noop" if kind == "completed" else "shell"
    made = {"title": f"{kind} {wish}", "key": f"{kind}/{wish}", "agent": agent}
    if kind in ("to approve", "approved"):
        made["repo"] = str(repository)
    return {**made, "instructions": script, "max_retries": 0}


def led(board: Board) -> int:
    """Lead every ticket into its state, with the queue paused at the end; the pid of
    the worker that holds those that are assigned.
    """
    ctl = board.system.ctl
    ctl("cancel", *board.of("cancelled"))
    ctl("block", *board.of("blocked"), "--reason", "for the table")
    ended = ("failed", "needs_input", "in_review", "to approve", "approved")
    ctl("ready", *board.of(*ended, "completed"))
    rest = ("failed", "needs_input", "in_review", "completed")
    ctl("wait", *board.of(*ended, "completed"), *_for(*rest))
    ctl("move", *board.of("approved"), "done")
    ctl("ready", *board.of("working"))
    ctl("wait", *board.of("working"), *_for("working"))
    # Whoever is to begin with these hears of it only when it is let go on.
    ctl("start-worker", "worker-2")
    stopped = board.system.worker_running("worker-2")
    traces.kill(stopped, signal.SIGSTOP)
    ctl("ready", *board.of("assigned"))
    ctl("wait", *board.of("assigned"), *_for("assigned"))
    ctl("queue", "pause")
    ctl("ready", *board.of("ready"))
    return stopped


def _for(*states: str) -> list[str]:
    return [word for state in states for word in ("--for", state)]


def test_every_move_is_made_or_refused_with_its_reason(
    new_system: NewSystem, repository: Path
) -> None:
    system = new_system(slots=SLOTS).start()
    board = Board(system, repository)
    stopped = led(board)
    states = board.states()
    for kind, state in STATE_OF.items():
        assert {states[int(number)] for number in board.of(kind)} == {state}, kind
    for column in (*COLUMNS, MERGED):
        _moved(board, column)
    states = board.states()
    for kind, state in STATE_OF.items():
        assert states[board.id(kind)] == state, "what stays was moved"
    _cancelled_before_it_began(board, stopped)
    _cancelled(board)
    _moved_when_their_runs_are_cancelled(board)


def _moved(board: Board, column: str) -> None:
    """One ticket of each kind: away, nowhere, or refused."""
    numbers: dict[str, int] = {}
    for kind in LEGAL:
        away = kind not in LEASED and column in moves_of(kind)
        numbers[kind] = board.id(kind, column if away else STAYS)
    words = [str(number) for number in numbers.values()]
    done = board.system.ctl("--json", "move", *words, *column.split(), check=False)
    assert done.returncode == 1, "some of them are refused"
    answer = json.loads(done.stdout)
    granted = {each["id"]: each["state"] for each in answer["tickets"]}
    refused = {each["ticket_id"]: each for each in answer["refused"]}
    for kind, number in numbers.items():
        target = LEGAL[kind].get(column)
        if target is not None:
            assert granted.get(number) == target, (kind, column, refused)
            continue
        against = refused[number]
        wanted = "TicketLocked" if kind in LEASED else "InvalidTransition"
        assert against["error"] == wanted, (kind, column, against)
        said = against["message"]
        assert f"Ticket {number} is " in said
        assert "can be moved to" in said or "kanbanctl " in said, said


def _cancelled_before_it_began(board: Board, stopped: int) -> None:
    ctl, number = board.system.ctl, str(board.id("assigned"))
    ctl("cancel", number, "--no-wait")
    traces.kill(stopped, signal.SIGCONT)
    ctl("wait", number, *_for("cancelled"))


def _cancelled(board: Board) -> None:
    """Anything that is not done, leased or not; nothing else in the same call."""
    ctl = board.system.ctl
    kinds = [kind for kind in LEGAL if kind != "completed"]
    ctl("cancel", *(str(board.id(kind)) for kind in kinds))
    states = board.states()
    assert {states[board.id(kind)] for kind in kinds} == {"cancelled"}
    done = ctl("cancel", str(board.id("completed")), check=False)
    assert done.returncode == 1
    assert "is completed; there is nothing to cancel" in done.stderr


def _moved_when_their_runs_are_cancelled(board: Board) -> None:
    ctl = board.system.ctl
    number = str(board.id("working", "ready"))
    for column in ("review", "done"):
        done = ctl("move", number, column, "--cancel", check=False)
        assert (
            "With --cancel it can be moved to Backlog, Ready or Blocked" in done.stderr
        )
    for column in WITH_CANCEL:
        both = [str(board.id(kind, column)) for kind in LEASED]
        ctl("move", *both, column, "--cancel")
    states = board.states()
    for column, wanted in WITH_CANCEL.items():
        assert {states[board.id(kind, column)] for kind in LEASED} == {wanted}
