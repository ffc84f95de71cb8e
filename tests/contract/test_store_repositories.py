"""The repository limit: who waits for it, and who is woken."""

from collections.abc import Callable

import msgspec
import pytest

from kanban_ipc.control import TicketEdit
from kanband.store.values import Claim
from support.stores import Bench


def _limit(store: Bench, runs: int) -> None:
    store.policy = msgspec.structs.replace(store.policy, max_runs_per_repo=runs)


def _cancelled(store: Bench, number: int) -> None:
    store.do(lambda verbs: verbs.cancel([number], requeue=False, now_ms=store.now_ms))


def _deleted(store: Bench, number: int) -> None:
    store.do(lambda verbs: verbs.delete([number], now_ms=store.now_ms))


def _sent_elsewhere(store: Bench, number: int) -> None:
    elsewhere = TicketEdit(repo_path="/s")
    store.do(lambda verbs: verbs.edit([number], elsewhere, now_ms=store.now_ms))


def test_runs_in_worktrees_are_not_limited_by_default(store: Bench) -> None:
    numbers = store.add(*"abc", repo_path="/r")
    assert store.claimed() == numbers


def test_a_run_in_place_is_alone_in_its_repository(store: Bench) -> None:
    first, second = store.add("a", "b", repo_path="/r", agent="place")
    elsewhere = store.one(repo_path="/s", agent="place")
    assert store.claimed() == [first, elsewhere]
    assert store.ticket(second).waits_for == "repo"


def test_in_place_without_a_repository_is_not_limited(store: Bench) -> None:
    numbers = store.add(*"abc", agent="place")
    assert store.claimed() == numbers


def test_runs_in_worktrees_and_in_place_do_not_count_for_each_other(
    store: Bench,
) -> None:
    place = store.one(repo_path="/r", agent="place")
    tree = store.add("a", "b", repo_path="/r")
    assert store.claimed() == [place, *tree]


def test_a_full_repository_parks_all_of_its_tickets_at_once(store: Bench) -> None:
    _limit(store, 2)
    numbers = store.add(*"abcdef", repo_path="/r")
    other = store.one()
    assert store.claimed() == [*numbers[:2], other]
    assert {store.ticket(n).waits_for for n in numbers[2:]} == {"repo"}
    queue = store.reads.queue()
    assert (queue.depth, queue.waiting) == (4, 4)


def test_a_later_ticket_of_a_full_repository_is_parked_when_it_is_met(
    store: Bench,
) -> None:
    _limit(store, 1)
    store.one(repo_path="/r")
    store.claim()
    late = store.one(repo_path="/r")
    assert store.ticket(late).waits_for is None
    assert store.claimed() == []
    assert store.ticket(late).waits_for == "repo"


def test_a_release_wakes_as_many_as_became_free(store: Bench) -> None:
    _limit(store, 2)
    numbers = store.add(*"abcdef", repo_path="/r")
    claims = store.claim(6)
    outcome = store.settle(*(store.end(claim) for claim in claims))
    assert outcome.woke
    woken = [n for n in numbers[2:] if store.ticket(n).waits_for is None]
    assert woken == numbers[2:4]
    assert store.claimed() == numbers[2:4]


def test_the_best_is_woken_not_the_oldest(store: Bench) -> None:
    _limit(store, 1)
    store.one(repo_path="/r")
    (claim,) = store.claim()
    store.one(repo_path="/r")
    urgent = store.one(repo_path="/r", priority="urgent")
    store.claim()
    store.finish(claim)
    assert store.claimed() == [urgent]


def test_a_release_wakes_one_for_each_agent_so_that_any_worker_can_go_on(
    store: Bench,
) -> None:
    _limit(store, 1)
    store.one(repo_path="/r")
    (claim,) = store.claim()
    store.one(repo_path="/r")
    for_other = store.one(repo_path="/r", agent="other")
    store.claim()
    store.finish(claim)
    assert store.claimed(agents=frozenset({"other"})) == [for_other]


def test_a_release_wakes_past_a_paused_board(store: Bench) -> None:
    _limit(store, 1)
    store.one(repo_path="/r")
    (claim,) = store.claim()
    store.one(repo_path="/r", board="still", priority="urgent")
    open_one = store.one(repo_path="/r")
    store.claim()
    store.do(lambda verbs: verbs.pause(paused=True, board="still", now_ms=1))
    store.finish(claim)
    assert store.claimed() == [open_one]


def test_a_woken_ticket_that_leaves_hands_its_turn_on(store: Bench) -> None:
    _limit(store, 1)
    store.one(repo_path="/r")
    (claim,) = store.claim()
    second, third = store.add("b", "c", repo_path="/r")
    store.claim()
    store.finish(claim)
    assert store.ticket(third).waits_for == "repo"
    store.do(lambda verbs: verbs.cancel([second], requeue=False, now_ms=1))
    assert store.claimed() == [third]


def test_a_parked_ticket_that_leaves_wakes_nobody(store: Bench) -> None:
    _limit(store, 1)
    store.one(repo_path="/r")
    store.claim()
    second, third = store.add("b", "c", repo_path="/r")
    store.claim()
    store.do(lambda verbs: verbs.move(second, "Backlog", now_ms=1))
    assert store.ticket(third).waits_for == "repo"


def test_a_retry_at_once_competes_with_those_that_wait(store: Bench) -> None:
    _limit(store, 1)
    first = store.one(repo_path="/r")
    (claim,) = store.claim()
    store.one(repo_path="/r")
    store.claim()
    store.finish(claim, "worker_lost")
    assert store.claimed() == [first]


def test_new_limits_are_seen_after_unpark(store: Bench) -> None:
    _limit(store, 1)
    numbers = store.add(*"abc", repo_path="/r")
    assert store.claimed() == numbers[:1]
    _limit(store, 0)
    assert store.claimed() == []
    assert store.do(lambda verbs: verbs.unpark(now_ms=1)) is True
    assert store.claimed() == numbers[1:]
    assert store.do(lambda verbs: verbs.unpark(now_ms=1)) is False


def test_who_holds_a_repository_is_known(store: Bench) -> None:
    store.add("a", "b", repo_path="/r")
    claims = store.claim(2)
    assert [run.id for run in store.reads.repo_holders("/r")] == [
        claim.run_id for claim in claims
    ]
    store.finish(claims[0])
    assert [run.id for run in store.reads.repo_holders("/r")] == [claims[1].run_id]
    assert store.reads.repo_holders("/none") == []


def test_a_worker_of_a_label_goes_on_though_another_was_woken(store: Bench) -> None:
    _limit(store, 1)
    store.one(repo_path="/r")
    (claim,) = store.claim()
    store.one(repo_path="/r")
    labelled = store.one(repo_path="/r", labels=["gpu"])
    assert store.claimed(labels=frozenset({"gpu"})) == []
    store.finish(claim)
    assert store.claimed(labels=frozenset({"gpu"})) == [labelled]
    assert store.claimed() == []


def test_the_oldest_of_a_busy_repository_is_reached(store: Bench) -> None:
    """However many urgent ones come to it meanwhile."""
    _limit(store, 1)
    low = store.one(repo_path="/r", priority="low")
    claims: list[Claim] = []
    store.one(repo_path="/r", priority="urgent")
    while low not in [one.work.ticket_id for one in claims] and len(claims) < 50:
        (claim,) = store.claim()
        claims.append(claim)
        store.one(repo_path="/r", priority="urgent")
        store.claim()
        store.finish(claim)
    assert len(claims) == store.policy.starvation_bound


@pytest.mark.parametrize("leaving", [_cancelled, _deleted, _sent_elsewhere])
def test_a_woken_ticket_whose_provider_cools_down_hands_its_turn_on_too(
    store: Bench, leaving: Callable[[Bench, int], None]
) -> None:
    _limit(store, 1)
    first, second, third = store.add(*"abc", repo_path="/r")
    (claim,) = store.claim(3)
    store.finish(claim, "rate_limited")
    assert store.claimed() == []
    waiting = [store.ticket(n).waits_for for n in (first, second, third)]
    assert waiting == ["cooldown", "cooldown", "repo"]
    leaving(store, first)
    leaving(store, second)
    store.now_ms += 60_000
    store.do(lambda verbs: verbs.promote(now_ms=store.now_ms))
    assert third in store.claimed()
