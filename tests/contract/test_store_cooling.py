"""A rate limit: its provider cools down, and everybody who needs it waits."""

import msgspec
import pytest

from kanban_ipc.control import ListCall
from kanband.core.cooldowns import CoolDown
from kanband.store.values import AgentGate, ClaimPolicy, Landed
from support.stores import Bench

MINUTE_MS = 60_000
SHARED = ClaimPolicy(
    default_agent="fast",
    agents={
        "fast": AgentGate(provider="cloud"),
        "slow": AgentGate(provider="cloud"),
        "shell": AgentGate(),
    },
)


@pytest.fixture(autouse=True)
def _shared(store: Bench) -> None:
    store.policy = SHARED


def _refused(store: Bench, **fields: int) -> Landed:
    """A ticket of ``fast`` runs into the limit."""
    (claim,) = store.claim(agents=frozenset({"fast"}))
    return store.finish(claim, "rate_limited", provider="cloud", **fields)


def _promote(store: Bench) -> int:
    return store.do(lambda verbs: verbs.promote(now_ms=store.now_ms))[0]


def test_a_refusal_holds_every_ticket_of_the_provider_and_no_other(
    store: Bench,
) -> None:
    first = store.one(agent="fast")
    landed = _refused(store)
    assert landed.retry_due_ms == store.now_ms + MINUTE_MS
    for_any, other = store.one(), store.one(agent="slow")
    free = store.one(agent="shell")
    assert store.claimed() == [free]
    for number in (first, for_any, other):
        ticket = store.ticket(number)
        assert (ticket.state, ticket.waits_for) == ("ready", "cooldown")
        assert ticket.due_at_ms == store.now_ms + MINUTE_MS
    assert store.ticket(first).retry_count == 0


def test_all_are_woken_at_once_when_the_time_has_come(store: Bench) -> None:
    store.one(agent="fast")
    _refused(store)
    store.add("b", "c", agent="slow")
    assert store.claimed() == []
    store.now_ms += MINUTE_MS - 1
    assert _promote(store) == 0
    assert store.reads.next_due_ms() == store.now_ms + 1
    store.now_ms += 1
    assert _promote(store) == 3
    assert store.claimed() == [1, 2, 3]
    assert store.violations() == []


def test_each_refusal_in_a_row_waits_twice_as_long(store: Bench) -> None:
    store.one(agent="fast")
    waits = []
    for _ in range(7):
        due = _refused(store).retry_due_ms
        assert due is not None
        waits.append((due - store.now_ms) // MINUTE_MS)
        store.now_ms = due
        _promote(store)
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    assert store.ticket(1).state == "ready"


def test_a_success_makes_it_forgotten(store: Bench) -> None:
    store.one(agent="fast")
    _refused(store)
    store.now_ms += MINUTE_MS
    _promote(store)
    (claim,) = store.claim()
    store.finish(claim, provider="cloud")
    assert store.reads.cooldowns() == []
    store.one(agent="fast")
    due = _refused(store).retry_due_ms
    assert due == store.now_ms + MINUTE_MS


def test_runs_refused_in_the_same_cool_down_are_one_refusal(store: Bench) -> None:
    store.add("a", "b", "c", agent="fast")
    claims = store.claim(3)
    store.settle(*(store.end(c, "rate_limited", provider="cloud") for c in claims))
    until_ms = store.now_ms + MINUTE_MS
    (cool,) = store.reads.cooldowns()
    assert cool == CoolDown(provider="cloud", in_a_row=1, until_ms=until_ms)


def test_a_success_that_began_before_the_refusal_ends_nothing(store: Bench) -> None:
    store.add("a", "b", agent="fast")
    early, late = store.claim(2)
    store.finish(late, "rate_limited", provider="cloud")
    store.finish(early, provider="cloud")
    assert len(store.reads.cooldowns()) == 1


def test_what_the_provider_says_itself_counts(store: Bench) -> None:
    store.add("a", "b", agent="fast")
    first, second = store.claim(2)
    store.finish(first, "rate_limited", provider="cloud", retry_after_s=7)
    landed = store.finish(second, "rate_limited", provider="cloud", retry_after_s=90)
    assert landed.retry_due_ms == store.now_ms + 90_000
    assert store.ticket(1).due_at_ms == store.now_ms + 7_000
    # Woken at its own time, it is held again for as long as its provider is.
    store.now_ms += 7_000
    _promote(store)
    assert store.claimed() == []
    assert store.ticket(1).due_at_ms == store.now_ms + 83_000


def test_a_user_may_end_it(store: Bench) -> None:
    store.one(agent="fast")
    _refused(store)
    store.one(agent="slow")
    store.claim()
    end = store.do(lambda verbs: verbs.end_cooldown("cloud", now_ms=store.now_ms))
    assert end is True
    assert store.claimed() == [1, 2]
    assert store.do(lambda verbs: verbs.end_cooldown("cloud", now_ms=1)) is False
    assert store.violations() == []


def test_a_retry_by_hand_does_not_pass_the_cool_down(store: Bench) -> None:
    store.one(agent="fast")
    _refused(store)
    store.do(lambda verbs: verbs.retry([1], fresh=False, now_ms=store.now_ms))
    assert store.claimed() == []
    assert store.ticket(1).waits_for == "cooldown"


def test_a_ticket_that_leaves_ready_waits_for_nothing(store: Bench) -> None:
    store.one(agent="fast")
    _refused(store)
    store.do(lambda verbs: verbs.move(1, "Backlog", now_ms=store.now_ms))
    ticket = store.ticket(1)
    assert (ticket.waits_for, ticket.due_at_ms) == (None, None)
    store.now_ms += MINUTE_MS
    assert _promote(store) == 0


def test_an_agent_that_leaves_its_provider_waits_for_it_no_longer(store: Bench) -> None:
    store.one(agent="fast")
    _refused(store)
    agents = {**SHARED.agents, "fast": AgentGate()}
    store.policy = msgspec.structs.replace(SHARED, agents=agents)
    assert store.claimed() == []
    assert store.do(lambda verbs: verbs.unpark(now_ms=store.now_ms)) is True
    assert store.claimed() == [1]


def test_a_profile_of_no_provider_cools_down_by_itself(store: Bench) -> None:
    store.add("a", "b", agent="shell")
    (claim,) = store.claim()
    store.finish(claim, "rate_limited")
    other = store.one(agent="fast")
    assert store.claimed() == [other]
    assert store.reads.tickets(ListCall(agent="shell"))[0][1].waits_for == "cooldown"


def test_the_journal_tells_a_cool_down_once(store: Bench) -> None:
    store.add("a", "b", "c", agent="fast")
    _refused(store)
    store.claim()
    store.now_ms += MINUTE_MS
    _promote(store)
    (claim, *_) = store.claim(1)
    store.finish(claim, provider="cloud")
    told = [one for one in store.types() if one.startswith("provider_")]
    assert told == ["provider_cooling", "provider_warm", "provider_works"]


def test_a_worker_that_asks_for_labels_waits_for_the_provider_too(
    store: Bench,
) -> None:
    """It is offered what waits for its repository, which no cool-down marks."""
    store.policy = msgspec.structs.replace(SHARED, max_runs_per_repo=1)
    store.add("a", "b", agent="fast", repo_path="/r")
    labelled = store.one(agent="fast", repo_path="/r", labels=["x"])
    (claim,) = store.claim(3)
    store.finish(claim, "rate_limited", provider="cloud")
    assert store.ticket(labelled).waits_for == "repo"
    assert store.claimed(labels=frozenset({"x"})) == []
    store.now_ms += MINUTE_MS
    assert _promote(store) == 2
    assert store.claimed(labels=frozenset({"x"})) == [labelled]
    assert store.violations() == []
