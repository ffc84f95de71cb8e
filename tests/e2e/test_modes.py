"""One scenario of sixty tickets, three modes, kills in each: the same board at the end.

``tests/data/scenario/tickets.jsonl`` has the tickets as ``kanbanctl import`` reads
them, ``board.csv`` where each of them ends, with its runs from the first to the last;
both were written by hand. Agents say their title into ``$HOME/heard`` and wait at
``$HOME/gate``.
"""

import csv
import json
import shutil
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from kanban_ipc.words import TicketState
from support import traces
from support.deadline import eventually
from support.gate import Gate
from support.hand_worker import HandWorker
from support.settings import Setting
from support.system import System

NewSystem = Callable[..., System]
SCENARIO = Path(__file__).parents[1] / "data" / "scenario"
SLOTS = 4
HELD = ("held", "unwanted", "again", "shimless")
RESTING: tuple[TicketState, ...] = (
    "in_review",
    "approved",
    "completed",
    "cancelled",
    "failed",
    "blocked",
)
SETTINGS: dict[str, Setting] = {
    "agents.step.kind": "shell",
    "agents.step.on_success": "complete",
    "agents.step.exit_codes.77": "auth",
    "queue.max_runs_per_repo": 1,
    "retries.initial_s": 0.05,
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

    def kill_worker(self) -> None:
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

    def kill_daemon(self) -> None:
        self.system.kill_daemon()
        self.system.start()
        self.pid = self.system.worker_running(self.worker_id)


class Scenario:
    """What a person does, by ``kanbanctl``, with the keys of the file as names."""

    def __init__(self, system: System, crew: Crew, file: Path) -> None:
        self.system = system
        self.crew = crew
        self.file = file
        self.ids: dict[str, str] = {}
        self.heard = Gate(system.home / "heard")
        self.gate = Gate(system.home / "gate")

    def ctl(self, *words: str) -> str:
        """Words that are keys become numbers."""
        return self.system.ctl(*(self.ids.get(word, word) for word in words)).stdout

    def wait(self, keys: Iterable[str], *states: TicketState) -> None:
        self.system.wait(*(int(self.ids[key]) for key in keys), states=states)

    def held(self) -> set[str]:
        """What the workers have in hand."""
        keys = {number: key for key, number in self.ids.items()}
        workers = self.system.status().workers
        return {keys[str(run.ticket_id)] for one in workers for run in one.current}

    def prepared(self) -> None:
        """All at once, twice, while nothing is given out."""
        self.ctl("queue", "pause")
        self.ctl("boards", "add", "side", "--wip", "1")
        self.ctl("schedule", "add", "0 0 29 2 *", "Leap", "--agent", "noop")
        keys = [json.loads(line)["key"] for line in self.file.read_text().splitlines()]
        added = self.ctl("import", str(self.file), "--ready", "-q").split()
        assert self.ctl("import", str(self.file), "--ready", "-q").split() == added
        self.ids = dict(zip(keys, added, strict=True))
        self.ctl("cancel", "never", "dropped")
        self.ctl("block", "shelved", "--reason", "Not this year.")
        self.ctl("move", "idea", "backlog")
        self.ctl("edit", "edited", "--max-retries", "1")

    def hurt(self) -> None:
        """Four are under way; the worker, the daemon and a shim are killed."""
        self.ctl("queue", "resume")
        assert {self.heard.line() for _ in HELD} == set(HELD)
        self.ctl("queue", "pause")
        self.crew.kill_worker()
        eventually(lambda: self.held() == set(HELD), "the next one has them in hand")
        assert "subreaper" in self.ctl("cancel", "unwanted")
        self.ctl("cancel", "again", "--requeue")
        self.crew.kill_daemon()
        [lost] = self.system.runs(int(self.ids["shimless"]))
        traces.kill(self.system.shim(lost)["pid"])
        self.wait(["shimless"], "ready")
        self.ctl("comment", "held", "-m", "Still at it?")
        self.ctl("queue", "resume")
        assert self.heard.line() == "chain-3"
        # In the midst of it: whatever is in hand now.
        self.crew.kill_worker()

    def judged(self) -> None:
        """Questions are answered, results accepted, failures mended."""
        asking = ("colour", "twice", "permission", "and-fail", "retry", "never")
        self.wait([f"ask-{each}" for each in asking], "needs_input")
        self.ctl("answer", "ask-colour", "blue")
        self.ctl("answer", "ask-twice", "one")
        self.ctl("answer", "ask-permission", "yes")
        self.ctl("answer", "ask-and-fail", "Go on.")
        self.wait(["mended"], "failed")
        (self.system.home / "mended").touch()
        self.ctl("retry", "mended", "ask-retry")
        self.wait(["accepted", "repo-1", "repo-3", "returned"], "in_review")
        self.ctl("move", "accepted", "repo-1", "repo-3", "done")
        self.ctl("move", "repo-1", "done", "--merged")
        self.ctl("block", "returned", "--reason", "Not like this.")
        self.wait(["reopened"], "completed")
        self.ctl("move", "reopened", "review")
        self.wait(["ask-twice"], "needs_input")
        self.ctl("answer", "ask-twice", "two")
        self.gate.open()


def board(scenario: Scenario) -> dict[str, dict[str, str]]:
    """As ``board.csv`` has it. A loss by a kill is part of the story only where the
    scenario kills on purpose: a worker may die before a run's shim is there.
    """
    found: dict[str, dict[str, str]] = {}
    runs: dict[int, list[dict[str, Any]]] = {}
    for run in reversed(scenario.system.ctl_json("runs", "--limit", "1000")["runs"]):
        runs.setdefault(run["ticket_id"], []).append(run)
    listed = scenario.system.ctl_json("list", "--limit", "0", "--cancelled")
    for ticket in listed["tickets"]:
        key, course = ticket["key"], runs.get(ticket["id"], [])
        ends = [run["failure"] or run["status"] for run in course]
        if key != "shimless":
            ends = [end for end in ends if end != "worker_lost"]
        found[key] = {
            "key": key,
            "state": ticket["state"],
            "waits_for": ticket["waits_for"] or "",
            "runs": " ".join(ends),
            "changed": ", ".join(course[-1]["files_changed"]) if course else "",
            "comments": "",
        }
    shown = scenario.system.ctl_json("show", scenario.ids["held"])
    [comment] = shown["comments"]
    found["held"]["comments"] = f"{comment['author']}: {comment['body_md']}"
    return found


@pytest.fixture
def expected() -> dict[str, dict[str, str]]:
    with (SCENARIO / "board.csv").open(newline="") as file:
        return {row["key"]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize("mode", ["managed", "standalone", "inline"])
def test_every_mode_leads_to_the_same_board(
    new_system: NewSystem,
    mode: str,
    repository: Path,
    expected: dict[str, dict[str, str]],
) -> None:
    system = new_system({**SETTINGS, "mode": mode}, slots=SLOTS).start()
    crew = Crew(system, mode)
    crew.start()
    file = shutil.copy(SCENARIO / "tickets.jsonl", repository.parent)
    scenario = Scenario(system, crew, Path(file))
    scenario.prepared()
    assert scenario.ids.keys() == expected.keys()
    scenario.hurt()
    scenario.judged()
    over = [key for key, row in expected.items() if row["state"] in RESTING]
    scenario.wait(over, *RESTING)
    assert board(scenario) == expected
    assert scenario.held() == set()
    assert [one for one in system.processes() if "shim" in one.command] == []
    assert system.status().daemon.mode == mode
    system.ctl("doctor")
