"""Tickets that wait for a time or for another ticket."""

from support.stores import Bench


def test_a_ticket_waits_for_its_dependency(store: Bench) -> None:
    first = store.one()
    second = store.one(depends_on=[first])
    assert store.ticket(second).waits_for == "depends"
    assert [one.id for one in store.reads.blockers(second)] == [first]
    (claim,) = store.claim(5)
    assert claim.work.ticket_id == first


def test_completion_opens_dependents_and_says_so(store: Bench) -> None:
    first = store.one()
    second = store.one(depends_on=[first])
    (claim,) = store.claim()
    outcome = store.settle(store.end(claim, on_success="complete"))
    assert outcome.woke
    assert store.reads.blockers(second) == []
    assert store.claimed() == [second]


def test_a_good_run_that_waits_for_review_opens_nothing(store: Bench) -> None:
    first = store.one()
    second = store.one(depends_on=[first])
    (claim,) = store.claim()
    assert not store.settle(store.end(claim)).woke
    assert store.ticket(second).waits_for == "depends"


def test_a_user_who_completes_a_ticket_opens_its_dependents(store: Bench) -> None:
    first = store.brought_to("in_review")
    second = store.one(depends_on=[first])
    moved = store.do(lambda verbs: verbs.move(first, "Done", now_ms=1))
    assert getattr(moved, "woke", False)
    assert store.claimed() == [second]


def test_all_dependencies_must_be_completed(store: Bench) -> None:
    first, second = store.add("a", "b")
    third = store.one(depends_on=[first, second])
    one, two = store.claim(2)
    store.finish(one, on_success="complete")
    assert store.ticket(third).waits_for == "depends"
    store.finish(two, on_success="complete")
    assert store.ticket(third).waits_for is None


def test_two_dependencies_completed_in_one_call_open_their_dependent(
    store: Bench,
) -> None:
    first, second = store.add("a", "b")
    third = store.one(depends_on=[first, second])
    ends = [store.end(claim, on_success="complete") for claim in store.claim(2)]
    assert store.settle(*ends).woke
    assert store.ticket(third).waits_for is None


def test_a_completed_dependency_does_not_hold_a_new_ticket(store: Bench) -> None:
    done = store.brought_to("completed")
    assert store.ticket(store.one(depends_on=[done])).waits_for is None


def test_a_cancelled_dependency_holds_its_dependent(store: Bench) -> None:
    gone = store.brought_to("cancelled")
    assert store.ticket(store.one(depends_on=[gone])).waits_for == "depends"


def test_a_reopened_dependency_closes_nothing_again(store: Bench) -> None:
    first = store.one()
    second = store.one(depends_on=[first])
    (claim,) = store.claim()
    store.finish(claim, on_success="complete")
    store.do(lambda verbs: verbs.move(first, "Review", now_ms=1))
    assert store.ticket(second).waits_for is None
    store.do(lambda verbs: verbs.move(second, "Backlog", now_ms=1))
    store.do(lambda verbs: verbs.move(second, "Ready", now_ms=1))
    assert store.claimed() == [second]


def test_a_dependent_in_backlog_waits_once_it_is_ready(store: Bench) -> None:
    first = store.one(ready=False)
    second = store.one(ready=False, depends_on=[first])
    moved = store.do(lambda verbs: verbs.move(second, "Ready", now_ms=1))
    assert not getattr(moved, "woke", True)
    assert store.ticket(second).waits_for == "depends"


def test_a_scheduled_ticket_waits_for_its_time(store: Bench) -> None:
    number = store.one(scheduled_at_ms=store.now_ms + 50)
    assert store.claimed() == []
    assert store.reads.next_due_ms() == store.now_ms + 50
    assert store.do(lambda verbs: verbs.promote(now_ms=store.now_ms + 49)) == (
        0,
        store.now_ms + 50,
    )
    assert store.do(lambda verbs: verbs.promote(now_ms=store.now_ms + 50)) == (1, None)
    assert store.ticket(number).due_at_ms is None
    assert store.claimed() == [number]


def test_time_comes_before_dependencies(store: Bench) -> None:
    first = store.one()
    second = store.one(depends_on=[first], scheduled_at_ms=store.now_ms + 50)
    assert store.ticket(second).waits_for == "due"
    assert store.do(lambda verbs: verbs.promote(now_ms=store.now_ms + 50)) == (0, None)
    assert store.ticket(second).waits_for == "depends"


def test_a_dependency_met_while_a_ticket_waits_for_its_time(store: Bench) -> None:
    first = store.one()
    second = store.one(depends_on=[first], scheduled_at_ms=store.now_ms + 50)
    (claim,) = store.claim()
    assert not store.settle(store.end(claim, on_success="complete")).woke
    assert store.do(lambda verbs: verbs.promote(now_ms=store.now_ms + 50)) == (1, None)
    assert store.claimed() == [second]


def test_the_next_due_time_is_the_earliest(store: Bench) -> None:
    store.one(scheduled_at_ms=store.now_ms + 90)
    store.one(scheduled_at_ms=store.now_ms + 40)
    assert store.do(lambda verbs: verbs.promote(now_ms=store.now_ms)) == (
        0,
        store.now_ms + 40,
    )


def test_a_user_need_not_wait_for_a_due_time(store: Bench) -> None:
    number = store.one(scheduled_at_ms=store.now_ms + 50)
    (moved,) = store.do(lambda verbs: verbs.retry([number], fresh=False, now_ms=1))
    assert getattr(moved, "woke", False)
    assert store.claimed() == [number]


def test_a_schedule_holds_when_a_user_moves_the_ticket_to_ready(store: Bench) -> None:
    number = store.one(ready=False, scheduled_at_ms=store.now_ms + 50)
    assert store.ticket(number).waits_for is None
    store.do(lambda verbs: verbs.move(number, "Ready", now_ms=store.now_ms))
    assert store.ticket(number).due_at_ms == store.now_ms + 50
    store.do(lambda verbs: verbs.move(number, "Backlog", now_ms=store.now_ms))
    assert store.ticket(number).due_at_ms is None
    assert store.reads.next_due_ms() is None
