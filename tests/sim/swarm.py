"""What a seed draws: which faults there are in its world, and how strong.

Swarm testing (Groce et al., ISSTA 2012): a run in which every fault is a little
likely is like every other one. So each seed leaves most kinds of faults out and makes
the others strong, and the union over many seeds reaches what no single mix does.
"""

import random
from typing import Final

import msgspec

HOUR_S: Final = 3_600.0


class Swarm(msgspec.Struct, frozen=True, kw_only=True):
    """Rates are per hour of virtual time, chances per occasion."""

    hours: float = 1.0
    """Of the safety phase."""
    beat_s: float = 5.0
    workers: int = 2
    slots: int = 2
    tickets: int = 20
    clients: int = 2
    in_place: bool = False
    """Some agents work in the repository itself: one at a time."""
    repo_limit: int = 0
    specialist: bool = False
    """One worker takes one agent only."""
    latency_s: float = 0.001
    late: float = 0.0
    """Chance of a message to be late, by up to ``late_s``."""
    late_s: float = 2.0
    lost: float = 0.0
    """Chance of a message to meet a full queue."""
    doubled: float = 0.0
    """Chance of a worker's message to be said once more."""
    cuts: float = 0.0
    survives_cut: float = 0.0
    """Chance of a frame of a cut connection to arrive all the same, later."""
    daemon_kills: float = 0.0
    dies_at_commit: float = 0.0
    """Chance of the daemon to die before or after a commit."""
    daemon_stalls: float = 0.0
    daemon_away_s: float = 2.0
    """At the longest, until it is started again."""
    worker_kills: float = 0.0
    worker_stalls: float = 0.0
    worker_terms: float = 0.0
    """A stranger asks a worker to leave; the daemon does not know."""
    dies_at_step: float = 0.0
    """Chance of a worker or shim to die before a write to a run's directory."""
    stalls_at_step: float = 0.0
    """Chance of one of them, or of a reaper, to be stopped there for a while."""
    worker_stillborn: float = 0.0
    """Chance of a worker's start to fail before its hello."""
    shim_kills: float = 0.0
    agent_kills: float = 0.0
    host_crashes: float = 0.0
    reaper_fails: float = 0.0
    clock_jumps: float = 0.0
    suspends: float = 0.0
    disk_fills: float = 0.0
    runs_elsewhere: bool = False
    """The runs' directories are on another disk than the store."""
    commit_fails: float = 0.0
    slow_commit: float = 0.0
    slow_commit_s: float = 3.0
    agent_s: float = 300.0
    """Of work, on average."""
    agent_fails: float = 0.1
    """Chance that a run does not end well, in one of many ways."""
    poison: float = 0.0
    """Chance of a ticket to kill its shim each time."""
    impatience: float = 0.0
    """Chance of a client to hang up before its answer."""
    meddling: float = 4.0
    """What clients do besides adding, per hour and client."""


def draw(seed: int) -> Swarm:
    """The world of a seed."""
    rng = random.Random(f"swarm {seed}")

    def maybe(chance: float, *values: float) -> float:
        return rng.choice(values) if rng.random() < chance else 0.0

    busy = rng.random() < 0.35
    workers = rng.choice((1, 2, 2, 3, 4))
    return Swarm(
        hours=2.0 if busy else rng.choice((5.0, 8.0)),
        beat_s=5.0 if busy else rng.choice((15.0, 20.0, 30.0)),
        workers=workers,
        slots=rng.choice((1, 2, 3)),
        tickets=rng.choice((12, 25, 50)),
        clients=rng.choice((1, 2, 3)),
        in_place=rng.random() < 0.5,
        repo_limit=rng.choice((0, 0, 1, 2)),
        specialist=workers > 1 and rng.random() < 0.4,
        latency_s=rng.choice((0.0005, 0.001, 0.02, 0.3)),
        late=maybe(0.6, 0.02, 0.1, 0.3),
        late_s=rng.choice((0.5, 4.0, 20.0)),
        lost=maybe(0.6, 0.01, 0.05, 0.2),
        doubled=maybe(0.6, 0.02, 0.1, 0.3),
        cuts=maybe(0.5, 5.0, 30.0, 120.0),
        survives_cut=maybe(0.6, 0.2, 0.8),
        daemon_kills=maybe(0.5, 2.0, 10.0, 60.0),
        dies_at_commit=maybe(0.4, 0.005, 0.03, 0.1),
        daemon_stalls=maybe(0.4, 1.0, 6.0),
        daemon_away_s=rng.choice((0.5, 5.0, 120.0)),
        worker_kills=maybe(0.5, 2.0, 10.0, 40.0),
        worker_stalls=maybe(0.4, 1.0, 6.0),
        worker_terms=maybe(0.3, 3.0, 20.0),
        dies_at_step=maybe(0.5, 0.01, 0.05, 0.15),
        stalls_at_step=maybe(0.3, 0.01, 0.05),
        worker_stillborn=maybe(0.3, 0.1, 0.6),
        shim_kills=maybe(0.4, 2.0, 15.0),
        agent_kills=maybe(0.4, 2.0, 15.0),
        host_crashes=maybe(0.4, 0.3, 2.0),
        reaper_fails=maybe(0.4, 0.1, 0.5),
        clock_jumps=maybe(0.5, 1.0, 8.0),
        suspends=maybe(0.3, 0.5, 3.0),
        disk_fills=maybe(0.4, 0.5, 3.0),
        runs_elsewhere=rng.random() < 0.5,
        commit_fails=maybe(0.3, 0.001, 0.01),
        slow_commit=maybe(0.4, 0.02, 0.3),
        slow_commit_s=rng.choice((0.5, 5.0, 40.0)),
        agent_s=rng.choice((5.0, 60.0, 300.0, 900.0)),
        agent_fails=rng.choice((0.05, 0.2, 0.5)),
        poison=maybe(0.4, 0.1, 0.3),
        impatience=maybe(0.4, 0.1, 0.5),
        meddling=rng.choice((2.0, 10.0, 40.0)),
    )


CALM: Final = Swarm()
"""A world without faults."""
