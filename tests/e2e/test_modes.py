"""One backlog, three modes, a kill in the middle of each: the same board at the end."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support import traces
from support.deadline import eventually
from support.gate import Gate
from support.hand_worker import HandWorker
from support.system import System

NewSystem = Callable[..., System]
SLOTS = 3
BOARD = {
    # title: (state, runs, failure of its last run)
    "base": ("completed", 1, None),
    "child": ("completed", 1, None),
    "grandchild": ("completed", 1, None),
    "held": ("in_review", 1, None),
    "twice": ("in_review", 2, None),
    "reviewer": ("ready", 0, None),
    "hopeless": ("failed", 1, "agent_error"),
    "unwanted": ("cancelled", 1, "cancelled"),
    "idea": ("backlog", 0, None),
    "low": ("in_review", 1, None),
    "urgent": ("in_review", 1, None),
}


class Crew:
    """Who does the work in a mode, and how it is killed and comes back."""

    def __init__(self, system: System, mode: str) -> None:
        self.system = system
        self.mode = mode
        self.hand: HandWorker | None = None

    def start(self) -> None:
        if self.mode == "standalone":
            self.hand = self.system.by_hand("--id", "worker-1", "--slots", str(SLOTS))
        self.pid = self.system.worker_running(self.worker_id)

    @property
    def worker_id(self) -> str:
        return "inline" if self.mode == "inline" else "worker-1"

    def kill_and_come_back(self) -> None:
        if self.hand is not None:
            self.hand.end(signal.SIGKILL)
        elif self.mode == "managed":
            traces.kill(self.pid)
        else:
            self.system.kill_daemon()
            self.system.start()
        before = self.pid
        if self.mode != "managed":
            self.start()
        self.pid = self.system.worker_running(self.worker_id, other_than=before)


def backlog(system: System, started: Gate, gate: Gate, marker: Path) -> dict[str, int]:
    """Everything at once, while the queue is paused; ids by title."""
    ids: dict[str, int] = {}

    def add(title: str, instructions: str = "", **fields: Any) -> None:
        agent = "shell" if instructions else "noop"
        fields.setdefault("agent", agent)
        ids[title] = system.add(title, instructions=instructions, **fields)

    say = f"echo $KANBAN_TICKET_TITLE {started.tell}\n"
    wait = f"{say}{gate.pause}\n"
    add("held", wait, priority="urgent")
    add("unwanted", wait, priority="urgent")
    add("low", f"{say}", priority="low")
    add("base")
    add("child", depends_on=[ids["base"]])
    add("grandchild", depends_on=[ids["base"], ids["child"]])
    add("twice", f"test -e '{marker}' || {{ touch '{marker}'; exit 1; }}\n")
    add("reviewer", depends_on=[ids["twice"]])
    add("hopeless", "exit 3", max_retries=0)
    add("idea", "true", ready=False)
    add("urgent", f"{say}", priority="urgent")
    return ids


def board(system: System) -> dict[str, tuple[str, int, str | None]]:
    found: dict[str, tuple[str, int, str | None]] = {}
    for ticket in system.tickets():
        runs = system.runs(ticket.id)
        failure = runs[0].failure if runs else None
        found[ticket.title] = (ticket.state, len(runs), failure)
    return found


@pytest.mark.parametrize("mode", ["managed", "standalone", "inline"])
def test_every_mode_leads_to_the_same_board(
    new_system: NewSystem, mode: str, started: Gate, gate: Gate, tmp_path: Path
) -> None:
    system = new_system({"mode": mode}, slots=SLOTS).start()
    crew = Crew(system, mode)
    crew.start()
    system.ctl("queue", "pause")
    ids = backlog(system, started, gate, tmp_path / "once")
    system.ctl("queue", "resume")
    assert {started.line() for _ in range(3)} == {"held", "unwanted", "urgent"}
    # A function dies with its worker: these shall not be under way when that is killed.
    system.wait(ids["base"], ids["child"], ids["grandchild"], states=["completed"])

    crew.kill_and_come_back()

    def taken_over() -> bool:
        held = {each.ticket_id for each in system.worker(crew.worker_id).current}
        return {ids["held"], ids["unwanted"]} <= held

    eventually(taken_over, "the next one has both runs in hand")
    said = system.ctl("cancel", str(ids["unwanted"])).stdout
    assert "subreaper" in said
    assert started.line() == "low"
    gate.open()
    over = [title for title, (state, *_) in BOARD.items() if state != "backlog"]
    over.remove("reviewer")
    system.wait(*(ids[title] for title in over))
    assert board(system) == BOARD
    assert system.status().daemon.mode == mode
    assert [each for each in system.status().workers if each.current] == []
