"""The daemon's course."""

import asyncio

import pytest

from kanband.shell.clock import SystemClock
from kanband.shell.life import Course


def course(drained: list[str]) -> Course:
    async def drain() -> None:
        drained.append("drained")

    return Course(SystemClock(), drain)


def test_it_starts_and_runs() -> None:
    life = course([])
    states = [life.state]
    life.ready()
    states.append(life.state)
    assert states == ["starting", "running"]
    assert life.uptime_s >= 0
    assert life.started_ms > 0


def test_a_stop_that_came_before_ready_is_not_forgotten() -> None:
    life = course([])
    life.shutdown(now=False, keep_workers=False)
    life.ready()
    assert life.state == "stopping"
    assert asyncio.run(life.left()) == "stop"


@pytest.mark.parametrize(
    ("keep_workers", "way"), [(False, "stop"), (True, "hand_over")]
)
def test_the_first_wish_decides_the_way(keep_workers: bool, way: str) -> None:
    life = course([])
    life.shutdown(now=False, keep_workers=keep_workers)
    life.shutdown(now=False, keep_workers=not keep_workers)
    assert asyncio.run(life.left()) == way
    assert life.state == "stopping"


def test_who_asks_twice_to_stop_is_in_a_hurry() -> None:
    life = course([])
    life.shutdown(now=False, keep_workers=False)
    assert not life.hurry.is_set()
    life.shutdown(now=False, keep_workers=False)
    assert life.hurry.is_set()


def test_now_is_a_hurry_at_once() -> None:
    life = course([])
    life.shutdown(now=True, keep_workers=False)
    assert life.hurry.is_set()


def test_a_failure_ends_every_other_way_of_leaving() -> None:
    life = course([])
    life.shutdown(now=False, keep_workers=False)
    first = OSError("the disk")
    life.fail(first)
    life.fail(ValueError("what follows from it"))
    assert asyncio.run(life.left()) == "fatal"
    assert life.failure is first
    assert life.hurry.is_set()


def test_draining_is_shown_until_the_daemon_stops() -> None:
    drained: list[str] = []
    life = course(drained)
    life.ready()
    asyncio.run(life.drain())
    assert (life.state, drained) == ("draining", ["drained"])
    life.shutdown(now=False, keep_workers=False)
    asyncio.run(life.drain())
    assert life.state == "stopping"
