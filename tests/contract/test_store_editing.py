"""What a user changes about a ticket: fields, comments, its reason, its being there."""

import pytest

from kanban_ipc.control import (
    InvalidTransition,
    NotFound,
    Refused,
    TicketComment,
    TicketEdit,
    TicketLocked,
)
from kanban_ipc.words import TicketState
from kanband.core.editing import WHILE_HELD
from kanband.store.values import EditRefusal, Moved, MoveRefusal, Removed
from support.stores import Bench

EVERYTHING = TicketEdit(
    title="Another",
    description_md="d",
    instructions="i",
    board="side",
    repo_path="/r",
    base_branch="b",
    agent="other",
    model="m",
    priority="urgent",
    task_type="review",
    scheduled_at_ms=5,
    timeout_s=1.5,
    estimated_duration_s=2.5,
    actual_duration_s=3.5,
    max_retries=7,
    add_labels=["x", "y"],
)


def _edit(store: Bench, number: int, **fields: object) -> Moved | EditRefusal:
    edit = TicketEdit(**fields)  # type: ignore[arg-type]
    return store.do(lambda verbs: verbs.edit([number], edit, now_ms=store.now_ms))[0]


def _edited(store: Bench, number: int, **fields: object) -> Moved:
    answer = _edit(store, number, **fields)
    assert isinstance(answer, Moved), answer
    assert answer.ticket == store.ticket(number)
    return answer


def _block(store: Bench, number: int, reason: str) -> Moved | MoveRefusal:
    return store.do(
        lambda verbs: verbs.block([number], reason=reason, now_ms=store.now_ms)
    )[0]


def _delete(store: Bench, number: int) -> Removed | EditRefusal:
    return store.do(lambda verbs: verbs.delete([number], now_ms=store.now_ms))[0]


# ------------------------------------------------------------------------ edit


@pytest.mark.parametrize(
    "state", ["backlog", "ready", "blocked", "failed", "completed", "cancelled"]
)
def test_every_field_can_be_changed_where_no_run_holds_it(
    store: Bench, state: TicketState
) -> None:
    number = store.brought_to(state)
    (answer,) = store.do(lambda verbs: verbs.edit([number], EVERYTHING, now_ms=9))
    assert isinstance(answer, Moved)
    ticket = store.ticket(number)
    assert ticket.state == state
    assert ticket.updated_at_ms == 9
    assert (ticket.priority, ticket.priority_number) == ("urgent", 10)
    assert ticket.labels == ["x", "y"]
    for name in set(TicketEdit.__struct_fields__) & {*ticket.__struct_fields__}:
        if name not in ("priority", "priority_number"):
            assert getattr(ticket, name) == getattr(EVERYTHING, name), name
    assert {
        (b.board, b.backlog + b.ready + b.blocked) for b in store.reads.boards()
    } >= {("main", 0)}


def test_an_edit_that_changes_nothing_leaves_no_trace(store: Bench) -> None:
    number = store.one(priority="low")
    before, types = store.ticket(number), store.types()
    store.now_ms += 1
    assert not _edited(store, number, title="A ticket", priority="low").woke
    assert (store.ticket(number), store.types()) == (before, types)


def test_the_journal_names_the_fields(store: Bench) -> None:
    number = store.one()
    _edited(store, number, title="B", max_retries=1, priority_number=7)
    event = store.reads.events(since=0, limit=9, ticket_id=number)[-1]
    assert (event.type, event.sender) == ("task_edited", "user")
    assert event.payload == {
        "task_id": number,
        "fields": "title, priority, max_retries",
        "max_retries_before": 3,
        "max_retries": 1,
        "due_at_ms": None,
    }


def test_labels_are_added_removed_and_emptied(store: Bench) -> None:
    number = store.one(labels=["a", "b"])
    _edited(store, number, add_labels=["c", "a"], remove_labels=["b"])
    assert store.ticket(number).labels == ["a", "c"]
    _edited(store, number, add_labels=["z"], clear=["labels"])
    assert store.ticket(number).labels == ["z"]


def test_fields_are_emptied(store: Bench) -> None:
    number = store.one(ready=False)
    store.do(lambda verbs: verbs.edit([number], EVERYTHING, now_ms=1))
    _edited(
        store,
        number,
        clear=["repo_path", "base_branch", "model", "description_md", "timeout_s"],
    )
    _edited(store, number, clear=["actual_duration_s", "scheduled_at_ms"])
    ticket = store.ticket(number)
    assert ticket.repo_path is ticket.base_branch is ticket.model is None
    assert ticket.timeout_s is ticket.actual_duration_s is None
    assert (ticket.description_md, ticket.instructions) == ("", "i")


def test_a_ticket_that_cannot_be_is_refused(store: Bench) -> None:
    number = store.one(labels=[str(n) for n in range(50)])
    for fields in (
        {"title": " "},
        {"add_labels": ["one too many"]},
        {"priority_number": 11},
        {"priority": "low", "priority_number": 1},
        {"actual_duration_s": -1.0},
        {"add_depends_on": [99]},
    ):
        answer = _edit(store, number, **fields)
        assert isinstance(answer, Refused), fields
    assert store.types() == ["task_created"]
    assert isinstance(_edit(store, 99, title="x"), NotFound)


def test_what_a_live_run_depends_on_is_not_changed(store: Bench) -> None:
    number = store.one()
    (claim,) = store.claim()
    answer = _edit(store, number, title="Z", priority="low", timeout_s=3.0)
    assert isinstance(answer, TicketLocked)
    assert answer.run_id == claim.run_id
    assert "depends on its title, timeout_s; only " in answer.message
    assert all(name in answer.message for name in WHILE_HELD)
    _edited(
        store,
        number,
        priority="low",
        add_labels=["x"],
        estimated_duration_s=9.0,
        max_retries=0,
    )
    assert store.ticket(number).title == "A ticket"
    assert store.finish(claim, "agent_error").state == "failed"


def test_fewer_retries_are_no_excess_of_those_before(store: Bench) -> None:
    number = store.one(max_retries=2)
    (claim,) = store.claim()
    assert store.finish(claim, "agent_error").state == "ready"
    _edited(store, number, max_retries=0)
    store.do(lambda verbs: verbs.retry([number], fresh=False, now_ms=store.now_ms))
    (claim,) = store.claim()
    assert store.finish(claim, "agent_error").state == "failed"


def test_work_that_has_begun_stays_in_its_repository(store: Bench) -> None:
    number = store.one(repo_path="/r")
    (claim,) = store.claim()
    store.start(claim, branch="kanban/1-a")
    store.finish(claim, "auth")
    answer = _edit(store, number, repo_path="/s")
    assert isinstance(answer, Refused)
    assert "has work on the branch kanban/1-a of /r" in answer.message
    _edited(store, number, repo_path="/r", title="B")


# ------------------------------------------------- what an edited ticket waits for


def test_a_new_schedule_moves_a_ready_ticket(store: Bench) -> None:
    number = store.one()
    later = store.now_ms + 50
    assert not _edited(store, number, scheduled_at_ms=later).woke
    assert store.ticket(number).due_at_ms == later
    assert store.reads.next_due_ms() == later
    assert store.claimed() == []
    assert _edited(store, number, clear=["scheduled_at_ms"]).woke
    assert store.claimed() == [number]


def test_a_retry_keeps_its_time_unless_the_schedule_is_later(store: Bench) -> None:
    number = store.one()
    (claim,) = store.claim()
    due = store.finish(claim, "agent_error").retry_due_ms
    assert due is not None
    _edited(store, number, scheduled_at_ms=store.now_ms + 1)
    assert store.ticket(number).due_at_ms == due
    _edited(store, number, scheduled_at_ms=due + 5)
    assert store.ticket(number).due_at_ms == due + 5


def test_who_was_told_to_begin_at_once_is_not_sent_back(store: Bench) -> None:
    number = store.one(scheduled_at_ms=store.now_ms + 50)
    store.do(lambda verbs: verbs.retry([number], fresh=False, now_ms=store.now_ms))
    _edited(store, number, title="B")
    assert store.claimed() == [number]


def test_dependencies_close_and_open_a_ready_ticket(store: Bench) -> None:
    first, second = store.add("a", "b")
    assert not _edited(store, second, add_depends_on=[first]).woke
    assert store.ticket(second).waits_for == "depends"
    assert [one.id for one in store.reads.blockers(second)] == [first]
    assert _edited(store, second, remove_depends_on=[first]).woke
    assert store.claimed() == [first, second]


def test_an_added_dependency_that_is_completed_holds_nothing(store: Bench) -> None:
    done = store.brought_to("completed")
    number = store.one()
    _edited(store, number, add_depends_on=[done])
    assert store.ticket(number).depends_on == [done]
    assert store.claimed() == [number]


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_circle_is_refused_and_shown(store: Bench, length: int) -> None:
    numbers = [store.one(ready=False)]
    for _ in range(length - 1):
        numbers.append(store.one(ready=False, depends_on=numbers[-1:]))
    answer = _edit(store, numbers[0], add_depends_on=[numbers[-1]])
    assert isinstance(answer, Refused)
    way = " → ".join(map(str, [numbers[0], *reversed(numbers)]))
    assert f"would wait for itself: {way} (" in answer.message
    assert store.ticket(numbers[0]).depends_on == []


def test_two_ways_to_the_same_ticket_are_no_circle(store: Bench) -> None:
    bottom = store.one()
    left, right = store.add("l", "r", depends_on=[bottom])
    top = store.one(depends_on=[left])
    _edited(store, top, add_depends_on=[right, bottom])
    assert store.ticket(top).depends_on == [bottom, left, right]


def test_another_repository_is_met_anew(store: Bench) -> None:
    store.one(repo_path="/r", agent="place")
    (claim,) = store.claim()
    parked = store.one(repo_path="/r", agent="place")
    assert store.claimed() == []
    assert store.ticket(parked).waits_for == "repo"
    _edited(store, parked, title="B")
    assert store.ticket(parked).waits_for == "repo", "nothing has changed for it"
    assert _edited(store, parked, repo_path="/s").woke
    assert store.claimed() == [parked]
    store.finish(claim)


def test_who_leaves_the_line_of_a_repository_hands_its_turn_on(store: Bench) -> None:
    store.one(repo_path="/r", agent="place")
    (claim,) = store.claim()
    second, third = store.add("b", "c", repo_path="/r", agent="place")
    store.claim()
    store.finish(claim)
    assert store.ticket(second).waits_for is None
    assert store.ticket(third).waits_for == "repo"
    assert _edited(store, second, scheduled_at_ms=store.now_ms + 50).woke
    assert store.claimed() == [third]


# ------------------------------------------------------------------ block, comment


@pytest.mark.parametrize("state", ["backlog", "ready", "in_review", "approved"])
def test_a_block_has_its_reason(store: Bench, state: TicketState) -> None:
    number = store.brought_to(state, repo_path="/r")
    answer = _block(store, number, "the licence is not clear")
    assert isinstance(answer, Moved)
    assert (answer.ticket.state, answer.ticket.reason) == (
        "blocked",
        "the licence is not clear",
    )
    _block(store, number, "another one")
    assert store.ticket(number).reason == "another one"
    assert store.types(number)[-2:] == ["state_change", "task_edited"]


def test_what_is_held_up_otherwise_or_done_is_not_blocked(store: Bench) -> None:
    for state in ("failed", "completed", "cancelled"):
        number = store.brought_to(state)
        assert isinstance(_block(store, number, "r"), InvalidTransition), state
        assert store.ticket(number).state == state
    number = store.one()
    store.claim()
    assert isinstance(_block(store, number, "r"), TicketLocked)
    assert isinstance(_block(store, 99, "r"), NotFound)


def test_comments_are_kept_in_order_by_whoever_wrote_them(store: Bench) -> None:
    one, two = store.add("a", "b")
    for author in ("user", "agent", "system"):
        store.now_ms += 1
        answers = store.do(
            lambda verbs, author=author: verbs.comment(  # type: ignore[misc]
                [one, 99, two], f"by {author}", author=author, now_ms=store.now_ms
            )
        )
        assert isinstance(answers[0], TicketComment)
        assert isinstance(answers[1], NotFound)
    found, count = store.reads.comments(one, limit=2)
    assert count == 3
    assert [(each.author, each.body_md) for each in found] == [
        ("agent", "by agent"),
        ("system", "by system"),
    ]
    assert store.ticket(one).updated_at_ms == store.now_ms
    senders = [
        each.sender
        for each in store.reads.events(since=0, limit=99, ticket_id=two)
        if each.type == "comment_added"
    ]
    assert senders == ["user", "worker", "system"]


# ----------------------------------------------------------------------- delete


def test_a_deleted_ticket_is_gone_with_its_runs_and_comments(store: Bench) -> None:
    number = store.one(key="k")
    (claim,) = store.claim()
    store.start(claim, branch="kanban/1-a", worktree="/w/1")
    store.finish(claim, "auth")
    store.do(lambda verbs: verbs.comment([number], "c", author="user", now_ms=1))
    answer = _delete(store, number)
    assert isinstance(answer, Removed)
    assert answer.deleted.runs == [claim.run_id]
    assert (answer.deleted.branch, answer.deleted.worktree) == ("kanban/1-a", "/w/1")
    assert store.reads.ticket(number) is None
    assert store.reads.run(claim.run_id) is None
    assert store.reads.comments(number, limit=9) == ([], 0)
    assert store.states() == {}
    assert store.reads.queue().blocked == 0
    assert store.types(number)[-1] == "task_deleted"
    assert isinstance(_delete(store, number), NotFound)


def test_a_number_is_never_used_again_and_a_key_may_be(store: Bench) -> None:
    number = store.one(key="k")
    _delete(store, number)
    assert store.one(key="k") == number + 1


def test_a_late_result_of_a_deleted_ticket_is_stale(store: Bench) -> None:
    number = store.one()
    (claim,) = store.claim()
    store.finish(claim)
    _delete(store, number)
    store.stale(store.end(claim, "timeout", seq=7))


def test_what_a_lease_holds_or_another_depends_on_is_not_deleted(store: Bench) -> None:
    first = store.one()
    second = store.one(depends_on=[first])
    answer = _delete(store, first)
    assert isinstance(answer, Refused)
    assert f"kanbanctl edit {second} --not-depends-on {first}" in answer.message
    (claim,) = store.claim()
    assert isinstance(_delete(store, first), TicketLocked)
    store.finish(claim, on_success="complete")
    assert isinstance(_delete(store, first), Refused), "met, but still part of it"
    _edited(store, second, remove_depends_on=[first])
    assert isinstance(_delete(store, first), Removed)


def test_a_deleted_ticket_hands_its_turn_on(store: Bench) -> None:
    store.one(repo_path="/r", agent="place")
    (claim,) = store.claim()
    second, third = store.add("b", "c", repo_path="/r", agent="place")
    store.claim()
    store.finish(claim)
    answer = _delete(store, second)
    assert isinstance(answer, Removed)
    assert answer.woke
    assert store.claimed() == [third]
