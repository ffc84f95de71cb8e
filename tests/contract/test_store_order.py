"""The order of claims over chains, repositories and limits, read from the journal."""

import random

import msgspec

from kanban_ipc.control import ListCall, NewTicket
from kanban_ipc.words import PRIORITIES
from kanband.store.values import Claim
from support.order import check_order
from support.stores import ALL, Bench

CHAINS, LENGTH, REPOSITORIES, LIMIT = 20, 12, 6, 2


def test_claims_are_in_order_and_none_starves(store: Bench) -> None:
    """Each chain in one repository, its tickets of any priority; results come in any
    order, some of them are losses, and urgent work comes in all the time.
    """
    rng = random.Random(11)
    store.policy = msgspec.structs.replace(store.policy, max_runs_per_repo=LIMIT)
    bound = store.policy.starvation_bound
    for chain in range(CHAINS):
        before: list[int] = []
        for _ in range(LENGTH):
            before = [
                store.one(
                    repo_path=f"/r{chain % REPOSITORIES}",
                    priority=rng.choice(PRIORITIES),
                    depends_on=before,
                )
            ]
    live: list[Claim] = []
    while True:
        live += store.claim(rng.randint(1, 4))
        if not live:
            break
        rng.shuffle(live)
        ended, live = live[:2], live[2:]
        store.settle(
            *(
                store.end(
                    claim,
                    "worker_lost" if rng.random() < 0.1 and claim.attempt < 3 else None,
                    on_success="complete",
                )
                for claim in ended
            )
        )
        if rng.random() < 0.2 and len(store.states()) < 2 * CHAINS * LENGTH:
            store.one(repo_path="/r0", priority="urgent")
    tickets, _total = store.reads.tickets(ListCall(limit=ALL))
    assert {one.state for one in tickets} == {"completed"}
    events = store.reads.events(since=0, limit=ALL)
    found = check_order(events, tickets, limit=LIMIT, bound=bound)
    assert found.wrong == []
    assert found.claims > CHAINS * LENGTH
    # It is the oldest's turn once in so many claims, and at most so many can be older.
    assert 0 < found.passed_over_max < bound * CHAINS


def test_the_checker_sees_a_wrong_order(store: Bench) -> None:
    store.add("a", "b")
    store.one(priority="urgent")
    store.claimed()
    tickets, _total = store.reads.tickets(ListCall(limit=ALL))
    events = store.reads.events(since=0, limit=ALL)
    assert check_order(events, tickets, limit=1, bound=20).wrong == []
    swapped = [*events[:3], events[4], events[3], events[5]]
    assert check_order(swapped, tickets, limit=1, bound=20).wrong == [
        "claim 1 took 1, not 3"
    ]
    assert check_order(events, tickets, limit=1, bound=1).wrong == [
        "claim 1 took 3, not 1"
    ]


def test_a_key_is_one_ticket_however_it_comes(store: Bench) -> None:
    """By itself, within one call, after it is done, and as what others depend on."""
    first = store.one(key="k")
    again = store.do(
        lambda verbs: verbs.add(
            [
                NewTicket(title="other words", key="k"),
                NewTicket(title="new", key="n"),
                NewTicket(title="the same", key="n", depends_on_keys=["k"]),
            ],
            ready=True,
            now_ms=2,
        )
    )
    assert [(one.ticket.id, one.created) for one in again.added] == [
        (first, False),
        (first + 1, True),
        (first + 1, False),
    ]
    claim, _other = store.claim(2)
    store.finish(claim, on_success="complete")
    assert store.one(key="k") == first
    assert store.types().count("task_created") == 2
