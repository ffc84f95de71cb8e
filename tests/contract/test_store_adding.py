"""``add``: what becomes of new tickets."""

import pytest

from kanban_ipc.control import NewTicket
from support.stores import Bench


def test_tickets_are_numbered_from_one_in_the_order_of_the_call(store: Bench) -> None:
    assert store.add("a", "b") == [1, 2]
    assert store.add("c") == [3]


def test_a_new_ticket_is_in_backlog_unless_it_shall_be_ready(store: Bench) -> None:
    assert store.ticket(store.one(ready=False)).state == "backlog"
    assert store.ticket(store.one(ready=True)).state == "ready"


def test_every_field_comes_back_as_it_was_given(store: Bench) -> None:
    first = store.one(key="first")
    (number,) = store.add(
        "Täglich ☃",
        description_md="# what",
        instructions="how",
        board="second",
        repo_path="/r",
        base_branch="main",
        agent="other",
        model="big",
        priority_number=9,
        labels=["x", 'quote"d'],
        task_type="coding",
        depends_on=[first],
        scheduled_at_ms=5_000_000,
        timeout_s=1.5,
        estimated_duration_s=60.0,
        max_retries=0,
        key="k",
    )
    ticket = store.ticket(number)
    assert ticket.title == "Täglich ☃"
    assert (ticket.description_md, ticket.instructions) == ("# what", "how")
    assert (ticket.board, ticket.repo_path, ticket.base_branch) == (
        "second",
        "/r",
        "main",
    )
    assert (ticket.agent, ticket.model, ticket.task_type) == ("other", "big", "coding")
    assert (ticket.priority, ticket.priority_number) == ("urgent", 9)
    assert ticket.labels == ["x", 'quote"d']
    assert ticket.depends_on == [first]
    assert (ticket.waits_for, ticket.due_at_ms) == ("due", 5_000_000)
    assert ticket.scheduled_at_ms == 5_000_000
    assert (ticket.timeout_s, ticket.estimated_duration_s) == (1.5, 60.0)
    assert (ticket.max_retries, ticket.key) == (0, "k")
    assert ticket.created_at_ms == ticket.updated_at_ms == store.now_ms
    assert (ticket.epoch, ticket.run_id, ticket.worker_id) == (0, None, None)


def test_the_same_key_is_the_same_ticket(store: Bench) -> None:
    (number,) = store.add("one", key="k")
    outcome = store.do(
        lambda verbs: verbs.add(
            [NewTicket(title="two", key="k"), NewTicket(title="three")],
            ready=True,
            now_ms=store.now_ms,
        )
    )
    assert [(one.ticket.id, one.created) for one in outcome.added] == [
        (number, False),
        (2, True),
    ]
    assert store.ticket(number).title == "one"


def test_a_key_twice_in_one_call_is_one_ticket(store: Bench) -> None:
    outcome = store.do(
        lambda verbs: verbs.add(
            [NewTicket(title="a", key="k"), NewTicket(title="b", key="k")],
            ready=False,
            now_ms=store.now_ms,
        )
    )
    assert [(one.ticket.id, one.created) for one in outcome.added] == [
        (1, True),
        (1, False),
    ]
    assert store.states() == {1: "backlog"}


def test_dependencies_may_be_named_by_the_key_of_an_earlier_ticket(
    store: Bench,
) -> None:
    outcome = store.do(
        lambda verbs: verbs.add(
            [
                NewTicket(title="a", key="k"),
                NewTicket(title="b", depends_on_keys=["k"]),
            ],
            ready=True,
            now_ms=store.now_ms,
        )
    )
    assert [one.ticket.depends_on for one in outcome.added] == [[], [1]]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (NewTicket(title="x", depends_on=[77]), "77"),
        (NewTicket(title="x", depends_on_keys=["later"]), "'later'"),
        (NewTicket(title="  "), "title"),
        (NewTicket(title="x", priority_number=11), "from 1 to 10"),
        (NewTicket(title="x", priority_number=1, priority="low"), "not both"),
        (NewTicket(title="x", max_retries=-1), "max_retries"),
        (NewTicket(title="x", timeout_s=0.0), "timeout_s"),
    ],
)
def test_one_bad_ticket_refuses_the_whole_call_by_position(
    store: Bench, bad: NewTicket, reason: str
) -> None:
    outcome = store.do(
        lambda verbs: verbs.add(
            [NewTicket(title="good"), bad, NewTicket(title="z", key="later")],
            ready=True,
            now_ms=store.now_ms,
        )
    )
    assert outcome.added == []
    assert [(one.index, one.title) for one in outcome.refused] == [(1, bad.title)]
    assert reason in outcome.refused[0].reason
    assert store.states() == {}
    assert store.types() == []


def test_adding_a_claimable_ticket_wakes_and_a_waiting_one_does_not(
    store: Bench,
) -> None:
    def woke(ready: bool = True, scheduled_at_ms: int | None = None) -> bool:
        new = NewTicket(title="x", scheduled_at_ms=scheduled_at_ms)
        return store.do(
            lambda verbs: verbs.add([new], ready=ready, now_ms=store.now_ms)
        ).woke

    assert woke()
    assert not woke(ready=False)
    assert not woke(scheduled_at_ms=store.now_ms + 1)
    assert woke(scheduled_at_ms=store.now_ms)


def test_the_creation_is_in_the_journal(store: Bench) -> None:
    number = store.one(scheduled_at_ms=5_000_000)
    (event,) = store.reads.events(since=0, limit=10)
    assert (event.seq, event.sender, event.type) == (1, "user", "task_created")
    assert (event.ticket_id, event.ts_ms) == (number, store.now_ms)
    assert event.payload == {
        "task_id": number,
        "to": "ready",
        "title": "A ticket",
        "board": "main",
        "due_at_ms": 5_000_000,
    }
