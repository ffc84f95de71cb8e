"""A run's course: start, log, change of hands, leases."""

import msgspec

from kanban_ipc.control import RunsCall
from kanban_ipc.words import RunId, WorkerId
from kanband.store.values import Claim, RunLog
from support.stores import Bench, epoch


def _line(claim: Claim, seq: int, message: str = "text") -> RunLog:
    return RunLog(
        run_id=claim.run_id,
        epoch=claim.epoch,
        seq=seq,
        ts_ms=5,
        level="info",
        message=message,
    )


def test_a_started_run_makes_its_ticket_working(store: Bench) -> None:
    number = store.one()
    (claim,) = store.claim()
    assert store.start(claim, branch="kanban/1-x", worktree="/w", head_before="abc")
    ticket, run = store.ticket(number), store.reads.run(claim.run_id)
    assert run is not None
    assert (ticket.state, ticket.started_at_ms) == ("working", store.now_ms)
    assert (ticket.branch, ticket.worktree) == ("kanban/1-x", "/w")
    assert (run.status, run.branch, run.head_before) == ("running", "kanban/1-x", "abc")
    assert store.types(number) == [
        "task_created",
        "task_assign",
        "run_started",
        "state_change",
    ]


def test_a_start_reported_twice_is_one_start(store: Bench) -> None:
    store.one()
    (claim,) = store.claim()
    assert store.start(claim, branch="first")
    before = store.reads.last_seq()
    assert store.start(claim, branch="second")
    assert store.reads.last_seq() == before
    run = store.reads.run(claim.run_id)
    assert run is not None
    assert run.branch == "first"


def test_the_start_of_a_stale_or_unknown_run_changes_nothing(store: Bench) -> None:
    number = store.one()
    (claim,) = store.claim()
    wrong = msgspec.structs.replace(claim, epoch=epoch(7))
    unknown = msgspec.structs.replace(claim, run_id=RunId("nobody"))
    assert not store.start(wrong)
    assert not store.start(unknown)
    store.finish(claim)
    assert not store.start(claim)
    assert store.ticket(number).state == "in_review"


def test_log_lines_are_kept_once_by_their_number(store: Bench) -> None:
    store.one()
    (claim,) = store.claim()
    lines = [_line(claim, 2, "two"), _line(claim, 3, "three"), _line(claim, 2, "again")]
    assert store.do(lambda verbs: verbs.log(lines)) == [True, True, True]
    kept = store.reads.run_log(claim.run_id, limit=10)
    assert [(line.seq, line.message) for line in kept] == [(2, "two"), (3, "three")]
    assert store.reads.leases()[0].last_seq == 3


def test_the_last_log_lines_are_shown_oldest_first(store: Bench) -> None:
    store.one()
    (claim,) = store.claim()
    store.do(lambda verbs: verbs.log([_line(claim, seq) for seq in range(1, 6)]))
    assert [one.seq for one in store.reads.run_log(claim.run_id, limit=2)] == [4, 5]
    assert store.reads.run_log(RunId("nobody"), limit=2) == []


def test_a_line_of_a_run_that_does_not_hold_its_ticket_is_not_kept(
    store: Bench,
) -> None:
    store.one()
    (claim,) = store.claim()
    store.finish(claim)
    assert store.do(lambda verbs: verbs.log([_line(claim, 9)])) == [False]
    assert store.reads.run_log(claim.run_id, limit=10) == []


def test_leases_tell_a_starting_daemon_everything(store: Bench) -> None:
    store.one(timeout_s=5.0, priority="high")
    store.one()
    first, second = store.claim(2)
    store.start(second)
    store.do(lambda verbs: verbs.cancel([2], requeue=True, now_ms=1))
    one, two = store.reads.leases()
    assert (one.run_id, one.started, one.cancel) == (first.run_id, False, None)
    assert (one.work, one.timeout_s, one.attempt) == (first.work, 5.0, 1)
    assert (two.run_id, two.started, two.cancel) == (second.run_id, True, "requeue")
    assert (two.last_seq, two.worker_id, two.agent) == (1, "worker-1", "shell")
    store.finish(first)
    assert [lease.run_id for lease in store.reads.leases()] == [second.run_id]


def test_live_runs_change_hands_at_the_same_epoch(store: Bench) -> None:
    number = store.one()
    (claim,) = store.claim()
    other = WorkerId("other")
    moved = store.do(
        lambda verbs: verbs.transfer(
            {claim.run_id: other, RunId("nobody"): other}, now_ms=7
        )
    )
    assert moved == [claim.run_id]
    assert (store.ticket(number).worker_id, store.ticket(number).epoch) == ("other", 1)
    assert store.reads.leases()[0].worker_id == "other"
    assert store.finish(claim).worker_id == "other"


def test_a_run_is_not_transferred_to_who_has_it_or_when_it_ended(store: Bench) -> None:
    store.one()
    (claim,) = store.claim()
    mine = {claim.run_id: claim.worker_id}
    assert store.do(lambda verbs: verbs.transfer(mine, now_ms=7)) == []
    store.finish(claim)
    other = {claim.run_id: WorkerId("other")}
    assert store.do(lambda verbs: verbs.transfer(other, now_ms=7)) == []


def test_runs_are_listed_newest_first(store: Bench) -> None:
    number = store.one()
    (first,) = store.claim(worker="a")
    store.finish(first, "worker_lost")
    (second,) = store.claim(worker="b")

    def ids(**query: object) -> list[str]:
        return [run.id for run in store.reads.runs(RunsCall(**query))]  # type: ignore[arg-type]

    assert ids() == [second.run_id, first.run_id]
    assert ids(limit=1) == [second.run_id]
    assert ids(ticket_id=number) == [second.run_id, first.run_id]
    assert ids(ticket_id=99) == []
    assert ids(worker_id="a") == [first.run_id]
    assert ids(status="queued") == [second.run_id]
    assert ids(status="error", worker_id="b") == []


def test_a_run_is_found_by_id_beginning_or_ticket(store: Bench) -> None:
    store.one()
    (first,) = store.claim()
    store.finish(first, "worker_lost")
    (second,) = store.claim()

    def ids(text: str) -> list[str]:
        return [run.id for run in store.reads.find_runs(text)]

    assert ids(first.run_id) == [first.run_id]
    assert ids(first.run_id.upper()) == [first.run_id]
    assert ids(first.run_id[:8]) == [first.run_id, second.run_id]
    assert ids(first.run_id[:3]) == []
    assert ids("1") == [second.run_id]
    assert ids("2") == []
    assert ids("") == []
    assert store.reads.run(RunId("nobody")) is None
