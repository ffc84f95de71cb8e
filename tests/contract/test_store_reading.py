"""Questions: lists, counts, the journal, workers."""

from typing import Any

import pytest

from kanban_ipc.control import ListCall
from kanban_ipc.words import WorkerId
from kanband.store.values import Claim, Note, WorkerRow
from support.stores import Bench


def _ids(store: Bench, **query: Any) -> tuple[list[int], int]:
    page, total = store.reads.tickets(ListCall(**query))
    return [ticket.id for ticket in page], total


def test_an_empty_store_answers_everything(store: Bench) -> None:
    assert store.reads.ticket(1) is None
    assert _ids(store) == ([], 0)
    assert store.reads.leases() == []
    assert store.reads.workers() == []
    assert store.reads.wanted_workers() is None
    assert store.reads.blockers(1) == []
    assert (store.reads.last_seq(), store.reads.journal_base()) == (0, 0)
    assert [board.board for board in store.reads.boards()] == ["main"]
    assert store.reads.next_due_ms() is None
    assert store.claim() == []


def test_a_list_is_in_order_of_id_and_hides_what_is_cancelled(store: Bench) -> None:
    store.add("a", "b")
    store.brought_to("cancelled")
    assert _ids(store) == ([1, 2], 2)
    assert _ids(store, cancelled=True) == ([1, 2, 3], 3)
    assert _ids(store, states=["cancelled"]) == ([3], 1)


def test_a_list_filters(store: Bench) -> None:
    store.one(board="x")
    store.one(repo_path="/r", labels=["red", "green"])
    store.one(agent="other", labels=["red"])
    store.one(ready=False)
    assert _ids(store, board="x") == ([1], 1)
    assert _ids(store, board="none") == ([], 0)
    assert _ids(store, repo="/r") == ([2], 1)
    assert _ids(store, agent="other") == ([3], 1)
    assert _ids(store, labels=["red"]) == ([2, 3], 2)
    assert _ids(store, labels=["re"]) == ([], 0)
    assert _ids(store, states=["backlog"]) == ([4], 1)
    assert _ids(store, columns=["Backlog", "Review"]) == ([4], 1)
    assert _ids(store, columns=["Ready"], states=["backlog"]) == ([], 0)
    assert _ids(store, columns=["Ready"], labels=["red"], board="main") == ([2, 3], 2)


@pytest.mark.parametrize(
    ("sort", "ascending", "descending"),
    [
        ("id", [1, 2, 3, 4], [4, 3, 2, 1]),
        ("priority", [3, 2, 4, 1], [1, 2, 4, 3]),
        ("created", [1, 2, 3, 4], [4, 3, 2, 1]),
        ("updated", [1, 3, 4, 2], [2, 4, 3, 1]),
        ("state", [2, 1, 3, 4], [1, 3, 4, 2]),
        ("title", [2, 4, 1, 3], [3, 1, 2, 4]),
    ],
)
def test_a_list_sorts_and_ties_are_by_age(
    store: Bench, sort: str, ascending: list[int], descending: list[int]
) -> None:
    for title, priority in (("c", "low"), ("B", None), ("ß", "urgent"), ("b", None)):
        store.add(title, priority=priority)
        store.now_ms += 1
    store.do(lambda verbs: verbs.move(2, "Backlog", now_ms=store.now_ms))
    assert _ids(store, sort=sort)[0] == ascending
    assert _ids(store, sort=sort, descending=True)[0] == descending


def test_a_page_of_a_list_says_how_many_there_are(store: Bench) -> None:
    store.add(*"abcde")
    assert _ids(store, limit=2, offset=1) == ([2, 3], 5)
    assert _ids(store, limit=2, offset=9) == ([], 5)
    assert _ids(store, limit=2, labels=["x"]) == ([], 0)


def test_the_queue_counts_by_column(store: Bench) -> None:
    for state in (
        "working",
        "backlog",
        "failed",
        "in_review",
        "completed",
        "cancelled",
    ):
        store.brought_to(state)
    store.one(scheduled_at_ms=store.now_ms + 1)
    store.one(board="second")
    queue = store.reads.queue()
    assert (queue.depth, queue.waiting, queue.ready) == (2, 1, 2)
    assert (queue.backlog, queue.in_progress, queue.blocked) == (1, 1, 1)
    assert (queue.review, queue.done, queue.cancelled) == (1, 1, 1)
    assert (queue.active_workers, queue.paused) == (0, False)
    main, second = store.reads.boards()
    assert (main.board, main.ready, main.done) == ("main", 1, 1)
    assert (second.board, second.ready, second.done) == ("second", 1, 0)


def test_counts_stay_right_whatever_happens(store: Bench) -> None:
    store.add(*"abc", repo_path="/r", agent="place")
    (claim,) = store.claim(3)
    store.finish(claim, "agent_error")
    store.do(lambda verbs: verbs.cancel([1, 2], requeue=False, now_ms=1))
    store.do(lambda verbs: verbs.retry([1], fresh=False, now_ms=1))
    store.do(lambda verbs: verbs.move(1, "Blocked", now_ms=1))
    queue = store.reads.queue()
    assert (queue.ready, queue.blocked, queue.cancelled) == (1, 1, 1)
    assert sum((queue.backlog, queue.in_progress, queue.review, queue.done)) == 0


def test_events_are_read_by_cursor(store: Bench) -> None:
    store.add(*"abc")
    store.claim(1)

    def seqs(**query: Any) -> list[int]:
        return [
            one.seq for one in store.reads.events(**{"since": 0, "limit": 9, **query})
        ]

    assert seqs() == [1, 2, 3, 4]
    assert seqs(since=2) == [3, 4]
    assert seqs(since=2, limit=1) == [3]
    assert seqs(since=4) == []
    assert seqs(ticket_id=1) == [1, 4]
    assert seqs(ticket_id=1, since=1) == [4]
    assert seqs(types=["task_assign", "other"]) == [4]
    assert seqs(types=["task_created"], ticket_id=1) == [1]
    assert store.reads.last_seq() == 4


def test_a_runs_events_are_its_own_from_its_claim_to_what_came_of_it(
    store: Bench,
) -> None:
    store.add("a")
    (first,) = store.claim(1)
    store.finish(first, "shutdown")
    (second,) = store.claim(1)
    store.finish(second)

    def told(claim: Claim, since: int = 0, limit: int = 9) -> list[str]:
        return [
            f"{event.type} {event.payload.get('to', '')}".strip()
            for event in store.reads.events_of_run(
                claim.work.ticket_id, claim.run_id, since=since, limit=limit
            )
        ]

    begun = ["task_assign assigned", "run_started", "state_change working"]
    assert told(first) == [*begun, "run_finished", "state_change ready"]
    assert told(second) == [*begun, "run_finished", "state_change in_review"]
    assert told(first, limit=1) == ["task_assign assigned"]
    assert told(second, since=store.reads.last_seq() - 1) == ["state_change in_review"]


def test_workers_are_kept_with_what_the_journal_says_of_them(store: Bench) -> None:
    row = WorkerRow(
        worker_id=WorkerId("worker-2"),
        wanted="stop",
        slots=4,
        agents=["shell"],
        state="RUNNING",
        pid=7,
        exit_lines=["last"],
        tickets_processed=99,
    )
    note = Note(sender="orchestrator", type="worker_state", payload={"pid": 7})
    store.do(lambda verbs: verbs.put_workers([row], [note], now_ms=3))
    store.do(
        lambda verbs: verbs.put_workers(
            [WorkerRow(worker_id=WorkerId("worker-1"))], [], now_ms=4
        )
    )
    first, second = store.reads.workers()
    assert first.worker_id == "worker-1"
    assert (second.pid, second.agents, second.exit_lines) == (7, ["shell"], ["last"])
    assert second.tickets_processed == 0
    (event,) = store.reads.events(since=0, limit=9)
    assert (event.type, event.payload, event.ts_ms) == ("worker_state", {"pid": 7}, 3)


def test_a_dropped_worker_is_forgotten(store: Bench) -> None:
    worker = WorkerId("worker-1")
    store.do(
        lambda verbs: verbs.put_workers([WorkerRow(worker_id=worker)], [], now_ms=1)
    )
    store.do(lambda verbs: verbs.drop_workers([worker, WorkerId("x")], now_ms=1))
    assert store.reads.workers() == []
    assert store.types() == ["worker_dropped"]


def test_a_worker_with_a_live_run_is_not_dropped(store: Bench) -> None:
    store.one()
    store.claim()
    with pytest.raises(AssertionError, match="transfer it first"):
        store.do(lambda verbs: verbs.drop_workers([WorkerId("worker-1")], now_ms=1))


def _want(store: Bench, count: int | None) -> None:
    store.do(lambda verbs: verbs.set_wanted_workers(count, now_ms=1))


def test_the_wanted_number_of_workers_is_kept(store: Bench) -> None:
    for count in (3, 3, 0, None, None):
        _want(store, count)
        assert store.reads.wanted_workers() == count
    assert store.types() == ["workers_wanted"] * 3


def test_a_note_may_not_pose_as_a_transition(store: Bench) -> None:
    note = Note(sender="user", type="state_change", payload={})
    with pytest.raises(AssertionError, match="no transition"):
        store.do(lambda verbs: verbs.note([note], now_ms=1))


def test_text_is_sought_in_titles_descriptions_and_instructions(store: Bench) -> None:
    store.one(description_md="Mend the Parser")
    store.one(instructions="run the parser_test")
    store.add("A 100% sure PARSER", "other")
    assert _ids(store, text="parser") == ([1, 2, 3], 3)
    assert _ids(store, text="100%") == ([3], 1)
    assert _ids(store, text="r_t") == ([2], 1)
    assert _ids(store, text="%") == ([3], 1)
    assert _ids(store, text="\\") == ([], 0)


def test_several_labels_are_all_wanted(store: Bench) -> None:
    store.one(labels=["a"])
    store.one(labels=["b", "a"])
    assert _ids(store, labels=["a", "b"]) == ([2], 1)


def test_by_due_those_without_a_time_are_last_in_both_directions(store: Bench) -> None:
    store.one()
    store.one(scheduled_at_ms=store.now_ms + 9)
    store.one(scheduled_at_ms=store.now_ms + 5)
    assert _ids(store, sort="due") == ([3, 2, 1], 3)
    assert _ids(store, sort="due", descending=True) == ([2, 3, 1], 3)
