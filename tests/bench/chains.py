"""10,000 tickets in 200 dependency chains over 50 repositories with limits.

One claim for one free slot at a time, each committed and flushed, as the daemon does it
when results come in one by one. What is measured is the whole of a claim's transaction,
from the question to the answer, and the processor time of the claim in it, which a busy
machine and a slow disk do not touch; settling stands apart. The journal must say
afterwards that every claim took the ticket whose turn it was.
"""

import asyncio
import os
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench.figure import Figure
from kanban_ipc.control import ListCall, NewTicket
from kanban_ipc.link import Result
from kanban_ipc.words import PRIORITIES, WorkerId
from kanband.core.ids import RunIds
from kanband.store.questions import Reads
from kanband.store.values import (
    AgentGate,
    Claim,
    ClaimPolicy,
    RetryPolicy,
    RunEnd,
    Want,
)
from kanband.store.verbs import Verbs
from kanband.store.writer import StoreThread
from support.order import Order, check_order

CHAINS, LENGTH, REPOSITORIES, LIMIT, SLOTS = 200, 50, 50, 2, 64
POLICY = ClaimPolicy(
    default_agent="shell", agents={"shell": AgentGate()}, max_runs_per_repo=LIMIT
)
WANT = [Want(worker_id=WorkerId("worker-1"), count=1)]
DONE = Result(outcome="finished", agent_started_ms=1)
NOW_MS = 1_000_000
ALL = 1_000_000


async def fill(store: StoreThread, rng: random.Random) -> None:
    """A chain at a time; each ticket depends on the one before it."""
    for chain in range(CHAINS):
        page = [
            NewTicket(
                title=f"Link {place} of chain {chain}",
                repo_path=f"/repository-{chain % REPOSITORIES}",
                priority=rng.choice(PRIORITIES),
                key=f"{chain}-{place}",
                depends_on_keys=[f"{chain}-{place - 1}"] if place else [],
            )
            for place in range(LENGTH)
        ]
        await store.do(lambda verbs, p=page: verbs.add(p, ready=True, now_ms=NOW_MS))  # type: ignore[misc]


class Times(NamedTuple):
    """Milliseconds of each call."""

    claiming: list[float]
    own: list[float]
    """Of the claim alone, processor time."""
    settling: list[float]


async def claimed(store: StoreThread, times: Times, claims: list[Claim]) -> bool:
    """One claim of one ticket; whether there was one."""
    ids = [RUN_IDS.next(NOW_MS, os.urandom(8))]

    def claim(verbs: Verbs) -> list[Claim]:
        began = time.thread_time()
        found = verbs.claim(WANT, POLICY, run_ids=ids, now_ms=NOW_MS)
        times.own.append(1000 * (time.thread_time() - began))
        return found

    began = time.perf_counter()
    found = await store.do(claim)
    times.claiming.append(1000 * (time.perf_counter() - began))
    claims += found
    return bool(found)


RUN_IDS = RunIds()


def ended(claim: Claim) -> RunEnd:
    return RunEnd(
        run_id=claim.run_id,
        epoch=claim.epoch,
        seq=2,
        ended_ms=NOW_MS,
        result=DONE,
        on_success="complete",
    )


async def work(path: Path) -> tuple[Times, Order]:
    """Until nothing is left, and in which order it was claimed."""
    rng = random.Random(7)
    store = StoreThread(path)
    times = Times([], [], [])
    await fill(store, rng)
    live: list[Claim] = []
    while True:
        while len(live) < SLOTS and await claimed(store, times, live):
            pass
        if not live:
            break
        end = ended(live.pop(rng.randrange(len(live))))
        began = time.perf_counter()
        await store.do(lambda v, e=end: v.settle([e], RetryPolicy(), now_ms=NOW_MS))  # type: ignore[misc]
        times.settling.append(1000 * (time.perf_counter() - began))
    order = await store.read(told)
    await store.close()
    return times, order


def told(reads: Reads) -> Order:
    """What the journal tells of the claims; every ticket must have been completed."""
    tickets, _total = reads.tickets(ListCall(limit=ALL))
    done = sum(one.state == "completed" for one in tickets)
    assert done == CHAINS * LENGTH, f"{done} completed: some ticket starved"
    events = reads.events(since=0, limit=ALL)
    return check_order(events, tickets, limit=LIMIT, bound=POLICY.starvation_bound)


def measure() -> Iterator[Figure]:
    """The 99th percentile of all claims of a whole drain."""
    with tempfile.TemporaryDirectory(prefix="chains-") as folder:
        times, order = asyncio.run(work(Path(folder) / "kanban.db"))
    assert order.wrong == [], order.wrong[:10]
    # It is the oldest's turn once in so many claims, and fewer than the chains can be
    # older than it and claimable.
    passed_over_max = POLICY.starvation_bound * CHAINS
    assert order.passed_over_max < passed_over_max, order.passed_over_max
    size = (
        f"{CHAINS * LENGTH:,} tickets, {CHAINS} chains, {REPOSITORIES} repositories of "
        f"{LIMIT} runs, {SLOTS} slots; {len(times.own):,} claims of one, all done, "
        "each in its turn"
    )
    for name, values, aim in (
        ("claim", times.claiming, 5),
        ("claim's own processor time", times.own, 5),
        ("settle", times.settling, None),
    ):
        p99 = [percentile(values)]
        yield Figure(f"chains: {name}, p99", "ms", p99, aim, "less", size)


def percentile(values: list[float]) -> float:
    """The 99th."""
    return sorted(values)[len(values) * 99 // 100]
