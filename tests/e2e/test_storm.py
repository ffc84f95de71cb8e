"""A hundred SIGKILLs in about half a minute, and then the sums must be right.

What a kill may cost: the run it hits. An agent that is killed has failed, which the
retries pay for; a run whose shim is killed is lost, and the third loss in a row makes
a ticket poison. So a ticket ends in Review, or failed for exactly that reason; and
whoever retries it then gets it done.
"""

import os
import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kanban_ipc import control
from kanban_ipc.words import WORKER_STATES
from support import traces
from support.deadline import eventually
from support.leftovers import assert_nothing_left
from support.storm import KINDS, Storm
from support.system import System

NewSystem = Callable[..., System]

TICKETS = 50
KILLS = 100
PATIENT = {
    # The end shall be decided by what was killed, not by how often.
    "workers.fatal_failures": 1000,
    "retries.initial_s": 0.1,
    "retries.max_s": 1,
}


class Backlog:
    """Tickets that are added while the storm rages; the same key, the same ticket."""

    def __init__(self, system: System, dice: random.Random, repository: Path) -> None:
        self.system = system
        self.ids: dict[str, int] = {}
        self.effects = repository.parent / "effects"
        self.effects.mkdir()
        self._wanted = [self._ticket(n, dice, repository) for n in range(TICKETS)]

    def _ticket(
        self, number: int, dice: random.Random, repository: Path
    ) -> control.NewTicket:
        lines = (
            f"sleep {dice.uniform(0.2, 2):.2f}\n"
            f"echo $KANBAN_EPOCH >> {self.effects}/{number}\n"
            '[ -z "$KANBAN_WORKTREE" ] || echo $KANBAN_EPOCH >> poem.txt\n'
        )
        return control.NewTicket(
            title=f"Storm {number}",
            key=f"storm-{number}",
            agent="shell",
            instructions=lines,
            repo_path=str(repository) if number % 5 == 0 else None,
            max_retries=100,
        )

    def add_some(self) -> None:
        """The next two; a daemon that is away gets them later."""
        for ticket in [t for t in self._wanted if t.key not in self.ids][:2]:
            wish = control.AddCall(ticket=ticket, ready=True)
            try:
                reply = self.system.ask(wish, control.AddReply, timeout_s=0.2)
            except (OSError, TimeoutError):
                return
            assert ticket.key is not None
            self.ids[ticket.key] = reply.id

    def add_rest(self) -> None:
        while len(self.ids) < TICKETS:
            self.add_some()


def history(runs: list[control.Run]) -> dict[int, list[control.Run]]:
    """Runs by ticket, oldest first."""
    by_ticket: dict[int, list[control.Run]] = {}
    for run in sorted(runs, key=lambda run: run.epoch):
        by_ticket.setdefault(run.ticket_id, []).append(run)
    return by_ticket


def assert_accounted(system: System, backlog: Backlog) -> list[int]:
    """Every ticket, every run; returns the tickets that are poison."""
    tickets = system.tickets()
    assert sorted(t.id for t in tickets) == sorted(backlog.ids.values())
    runs = history(system.runs())
    poison = []
    for ticket in tickets:
        course = runs[ticket.id]
        epochs = [run.epoch for run in course]
        assert epochs == sorted(set(epochs))
        assert {run.status for run in course} <= {"finished", "error", "aborted"}
        finished = [run for run in course if run.status == "finished"]
        if ticket.state == "in_review":
            assert [run.id for run in finished] == [course[-1].id], course
        else:
            assert ticket.state == "failed", ticket
            assert finished == []
            last = [run.failure for run in course[-3:]]
            assert last == ["worker_lost"] * 3, (ticket, course)
            poison.append(ticket.id)
    return poison


def assert_status_right(system: System) -> None:
    status = eventually(lambda: settled(system), "all workers idle", timeout_s=60)
    assert status is not None
    assert status.daemon.healthy, status.daemon.problems
    assert len(status.workers) == 3
    assert all(worker.state in WORKER_STATES for worker in status.workers)
    living = {trace.pid for trace in system.processes()}
    assert {worker.pid for worker in status.workers} <= living
    assert status.daemon.spawner_pid in living
    assert status.daemon.pid == system.daemon.pid
    assert traces.living((f"{system.state}/runs/",)) == [], "no shim and no agent"
    queue = status.queue
    assert (queue.in_progress, queue.ready) == (0, 0)
    assert queue.review + queue.blocked == TICKETS
    assert queue.active_workers == 3


def settled(system: System) -> control.StatusReply | None:
    status = system.status()
    idle = all(w.state == "RUNNING" and not w.current for w in status.workers)
    return status if idle else None


def weather(
    new_system: NewSystem, repository: Path, seed: int, tell: Callable[[str], None]
) -> None:
    tell(f"storm: seed {seed}; again with STORM_SEED={seed}")
    system = new_system(PATIENT, workers=3, slots=2).start()
    storm = Storm(system, seed)
    backlog = Backlog(system, storm.dice, repository)

    backlog.add_some()
    for number in range(1, 4):
        system.worker_running(f"worker-{number}")
    storm.rage(KILLS, meanwhile=backlog.add_some)
    tell(f"storm: killed {storm.killed}")
    assert set(KINDS) == {kind for kind, count in storm.killed.items() if count}
    storm.restart_daemon()
    assert system.notify.await_line("READY=1", system.daemon, 30), system.output
    backlog.add_rest()

    system.wait(*backlog.ids.values(), timeout_s=120)
    poison = assert_accounted(system, backlog)
    assert_status_right(system)
    if poison:
        tell(f"storm: lost three times in a row, and retried: {poison}")
        system.ctl("retry", *map(str, poison))
        system.wait(*poison, states=["in_review"], timeout_s=60)
    done = {path.name for path in backlog.effects.iterdir()}
    assert done == {str(number) for number in range(TICKETS)}
    system.shutdown()
    assert_nothing_left(system)


@pytest.fixture
def tell(capfd: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Say it on the terminal, also when the test passes."""

    def say(line: str) -> None:
        with capfd.disabled():
            sys.stdout.write(f"\n{line}\n")

    return say


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_storm_loses_nothing_and_lands_nothing_twice(
    new_system: NewSystem, repository: Path, tell: Callable[[str], None]
) -> None:
    given = os.environ.get("STORM_SEED")
    seed = int(given) if given else random.SystemRandom().randrange(1 << 32)
    weather(new_system, repository, seed, tell)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(20))
def test_storms_of_many_seeds(
    new_system: NewSystem, repository: Path, seed: int, tell: Callable[[str], None]
) -> None:
    weather(new_system, repository, seed, tell)
