"""Who is replaced between two runs, and when."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kanban_ipc.version import VERSION
from kanban_ipc.words import WorkerId, WorkerState
from kanband.shell.crew import Ground
from kanband.shell.member import Member
from kanband.shell.renewal import PATIENCE_S, Renewal

OLD = "0.0.1"


class Worker:
    """A worker that is restarted by saying so."""

    def __init__(self, name: str, *, guest: bool = False) -> None:
        self.worker_id = WorkerId(name)
        self.row = SimpleNamespace(guest=guest)
        self.wanted = "run"
        self.state: WorkerState = "RUNNING"
        self.version: str | None = OLD
        self.runs: list[str] = []
        self.spared = "not"
        self.recycles = False

    def stopping(self, *, now: bool) -> None:
        assert not now
        assert not self.runs, "it was asked to leave with a run in hand"

    def restart(self) -> None:
        self.state = "STOPPING"
        self.version = None

    def up(self, version: str = VERSION) -> None:
        self.state, self.version = "RUNNING", version


class Bench:
    """Workers, and the renewal that looks after them."""

    def __init__(self, *workers: Worker) -> None:
        self.workers = {worker.worker_id: worker for worker in workers}
        self.now = 0.0
        self.ground = SimpleNamespace(
            leaving=False,
            dispatch=self,
            spawner=SimpleNamespace(pid=1),
            clock=SimpleNamespace(monotonic=lambda: self.now),
        )
        members = cast("dict[str, Member]", self.workers)
        self.renewal = Renewal(members, cast("Ground", self.ground))

    def version(self, name: WorkerId) -> str | None:
        return self.workers[name].version

    def live_runs(self, name: WorkerId) -> list[str]:
        return self.workers[name].runs

    def spare(self, name: WorkerId, how: str) -> None:
        self.workers[name].spared = how

    def look(self, *after: Callable[[], Any]) -> list[str]:
        """Who is being replaced after a look."""
        for change in after:
            change()
        self.renewal.look()
        return [w.worker_id for w in self.workers.values() if w.state == "STOPPING"]


def test_idle_workers_of_another_version_are_replaced_one_after_the_other() -> None:
    one, two, three = Worker("one"), Worker("two"), Worker("three")
    bench = Bench(one, two, three)
    three.up()
    assert bench.look() == ["one"]
    assert bench.look() == ["one"]
    assert bench.look(one.up) == ["two"]
    assert bench.look(two.up) == []


def test_one_with_a_run_is_replaced_when_that_has_ended() -> None:
    busy = Worker("busy")
    busy.runs = ["a run"]
    bench = Bench(busy)
    assert bench.look() == []
    assert busy.spared == "when_empty"
    assert bench.look(busy.runs.clear) == ["busy"]


def test_one_that_is_never_without_a_run_gets_nothing_more_in_the_end() -> None:
    first, second = Worker("first"), Worker("second")
    first.runs, second.runs = ["a run"], ["another"]
    bench = Bench(first, second)
    bench.look()
    bench.now = PATIENCE_S
    bench.look()
    assert (first.spared, second.spared) == ("wholly", "when_empty")


@pytest.mark.parametrize("state", ["BACKOFF", "STARTING", "FATAL", "UNKNOWN"])
def test_nobody_follows_one_that_has_not_come_up(state: WorkerState) -> None:
    one, two = Worker("one"), Worker("two")
    bench = Bench(one, two)
    bench.look()
    two.runs = ["a run"]
    bench.look()
    one.state = state
    assert bench.look(two.runs.clear) == []
    assert two.spared == "not"
    assert bench.look(one.up) == ["two"]


def test_what_is_replaced_by_the_same_is_let_be() -> None:
    one = Worker("one")
    bench = Bench(one)
    bench.look()
    assert bench.look(lambda: one.up(OLD)) == []
    assert bench.renewal.why(cast("Member", one)) == ""


def test_guests_and_those_to_be_stopped_are_left_alone() -> None:
    guest, leaver, silent = Worker("g", guest=True), Worker("l"), Worker("s")
    leaver.wanted, silent.version = "stop", None
    assert Bench(guest, leaver, silent).look() == []


def test_nothing_is_replaced_without_a_spawner_or_by_a_daemon_that_leaves() -> None:
    bench = Bench(Worker("one"))
    bench.ground.spawner.pid = None
    assert bench.look() == []
    bench.ground.spawner.pid, bench.ground.leaving = 1, True
    assert bench.look() == []


def test_news_are_looked_at_once_a_turn_and_not_before_the_beginning() -> None:
    one = Worker("one")
    bench = Bench(one)

    async def scenario() -> None:
        bench.renewal.soon()
        await asyncio.sleep(0)
        assert one.version == OLD
        bench.renewal.begin()
        bench.renewal.soon()
        await asyncio.sleep(0)
        assert one.version is None

    asyncio.run(scenario())
