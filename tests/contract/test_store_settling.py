"""``settle``: what a run's end makes of its ticket."""

from typing import Any

import msgspec
import pytest

from kanban_ipc.bounds import MESSAGE_CHARS_MAX, SUMMARY_BYTES_MAX
from kanban_ipc.link import FileChange
from kanban_ipc.words import FailureClass, RunId, TicketState, WorkerId
from kanband.store.values import Claim, Landed, WorkerRow
from support.stores import Bench, epoch


def _running(store: Bench, **fields: Any) -> Claim:
    store.one(**fields)
    (claim,) = store.claim()
    assert store.start(claim)
    return claim


@pytest.mark.parametrize(
    ("on_success", "state"), [("review", "in_review"), ("complete", "completed")]
)
def test_a_good_run_goes_where_its_profile_says(
    store: Bench, on_success: str, state: TicketState
) -> None:
    claim = _running(store)
    assert store.finish(claim, on_success=on_success) == Landed(
        ticket_id=1, state=state, worker_id=WorkerId("worker-1")
    )
    ticket = store.ticket(1)
    assert (ticket.state, ticket.run_id, ticket.worker_id) == (state, None, None)
    assert ticket.failure is None
    assert (ticket.completed_at_ms is not None) == (state == "completed")


def test_the_run_keeps_the_whole_result(store: Bench) -> None:
    claim = _running(store)
    store.finish(
        claim,
        exit_code=0,
        message="fine",
        summary_md="# Done",
        branch="b",
        worktree="/w",
        head_before="1",
        head_after="2",
        files_changed=(FileChange("M", "a.py"), FileChange("A", "b c")),
        files_changed_count=2,
        insertions=3,
        deletions=4,
        output_bytes=5,
        log_cut=True,
        leftovers_killed=6,
        proof="subreaper",
        cpu_ms=7,
        rss_max_bytes=8,
        duration_ms=1_500,
        agent_ended_ms=9,
    )
    run, ticket = store.reads.run(claim.run_id), store.ticket(1)
    assert run is not None
    assert (run.status, run.failure, run.exit_code) == ("finished", None, 0)
    assert (run.message, run.summary_md, run.progress) == ("fine", "# Done", 100)
    assert (run.branch, run.worktree) == ("b", "/w") == (ticket.branch, ticket.worktree)
    assert (run.head_before, run.head_after) == ("1", "2")
    assert (run.files_changed, run.files_changed_count) == (["M a.py", "A b c"], 2)
    assert (run.insertions, run.deletions, run.output_bytes) == (3, 4, 5)
    assert (run.log_cut, run.leftovers_killed, run.proof) == (True, 6, "subreaper")
    assert (run.cpu_ms, run.rss_max_bytes, run.duration_s) == (7, 8, 1.5)
    assert run.ended_at_ms == store.now_ms
    assert ticket.actual_duration_s == 1.5


def test_a_run_ended_by_a_signal_says_which(store: Bench) -> None:
    claim = _running(store)
    store.finish(claim, "agent_error", signal=9)
    run = store.reads.run(claim.run_id)
    assert run is not None
    assert (run.status, run.exit_code, run.signal) == ("error", None, 9)
    assert run.failure == "agent_error"


def test_long_messages_and_summaries_are_cut(store: Bench) -> None:
    claim = _running(store)
    store.finish(
        claim, message="m" * (MESSAGE_CHARS_MAX + 1), summary_md="ä" * SUMMARY_BYTES_MAX
    )
    run = store.reads.run(claim.run_id)
    assert run is not None
    assert len(run.message) == MESSAGE_CHARS_MAX
    assert len(run.summary_md.encode()) == SUMMARY_BYTES_MAX


def test_a_start_never_reported_is_made_up_for(store: Bench) -> None:
    store.one()
    (claim,) = store.claim()
    store.finish(claim)
    assert store.types(1)[2:] == [
        "run_started",
        "state_change",
        "run_finished",
        "state_change",
    ]
    run = store.reads.run(claim.run_id)
    assert run is not None
    assert run.started_at_ms == store.ticket(1).started_at_ms == store.now_ms


def test_a_run_that_never_began_does_not_pass_through_working(store: Bench) -> None:
    store.one()
    (claim,) = store.claim()
    end = store.end(claim, "setup")
    silent = msgspec.structs.replace(
        end, result=msgspec.structs.replace(end.result, agent_started_ms=0)
    )
    store.settle(silent)
    assert store.types(1)[2:] == ["run_finished", "task_failed"]
    assert store.ticket(1).started_at_ms is None


def test_a_failure_waits_for_its_retry(store: Bench) -> None:
    claim = _running(store)
    landed = store.finish(claim, "agent_error", message="It broke.")
    assert landed.state == "ready"
    assert landed.retry_due_ms == store.now_ms + 10_000
    ticket = store.ticket(1)
    assert (ticket.waits_for, ticket.due_at_ms) == ("due", store.now_ms + 10_000)
    assert (ticket.retry_count, ticket.failure) == (1, "agent_error")
    assert "It broke." in ticket.reason
    assert "Retry 1 of 3" in ticket.reason
    assert store.claimed() == []


def test_the_next_attempt_knows_the_previous_failure(store: Bench) -> None:
    claim = _running(store)
    store.finish(claim, "agent_error", message="It broke.")
    store.do(lambda verbs: verbs.promote(now_ms=store.now_ms + 10_000))
    (again,) = store.claim()
    assert (again.epoch, again.attempt) == (2, 2)
    assert again.work.previous_failure == "The agent failed. It broke."


def test_attempts_used_up_make_a_failed_ticket(store: Bench) -> None:
    claim = _running(store, max_retries=1)
    store.finish(claim, "timeout")
    store.do(lambda verbs: verbs.promote(now_ms=store.now_ms + 10_000))
    (again,) = store.claim()
    assert store.finish(again, "agent_error").state == "failed"
    ticket = store.ticket(1)
    assert (ticket.retry_count, ticket.due_at_ms) == (1, None)
    assert "All 2 attempts are used up" in ticket.reason
    assert store.types(1)[-1] == "task_failed"


@pytest.mark.parametrize("failure", ["auth", "setup", "over_budget"])
def test_what_retrying_cannot_mend_fails_at_once(
    store: Bench, failure: FailureClass
) -> None:
    claim = _running(store)
    assert store.finish(claim, failure).state == "failed"
    assert store.ticket(1).failure == failure


@pytest.mark.parametrize("failure", ["deferred", "rate_limited", "cancelled"])
def test_what_is_put_off_does_not_count(store: Bench, failure: FailureClass) -> None:
    claim = _running(store, max_retries=0)
    landed = store.finish(claim, failure)
    assert landed.state == "ready"
    assert landed.retry_due_ms is not None
    assert store.ticket(1).retry_count == 0


def test_deferring_again_waits_longer(store: Bench) -> None:
    claim = _running(store)
    first = store.finish(claim, "deferred").retry_due_ms
    store.now_ms += 10_000
    store.do(lambda verbs: verbs.promote(now_ms=store.now_ms))
    (again,) = store.claim()
    second = store.finish(again, "deferred").retry_due_ms
    assert first == 1_010_000
    assert second == store.now_ms + 20_000


@pytest.mark.parametrize("failure", ["shutdown", "worker_lost", "host_lost"])
def test_what_is_not_its_fault_is_claimable_at_once(
    store: Bench, failure: FailureClass
) -> None:
    claim = _running(store, max_retries=0)
    outcome = store.settle(store.end(claim, failure))
    assert outcome.woke
    assert store.ticket(1).waits_for is None
    assert store.claimed() == [1]


def test_three_losses_in_a_row_are_poison(store: Bench) -> None:
    store.one()
    states = [
        store.finish(store.claim()[0], failure).state
        for failure in ("worker_lost", "host_lost", "worker_lost")
    ]
    assert states == ["ready", "ready", "failed"]
    assert "poison" in store.ticket(1).reason


def test_an_interruption_does_not_end_a_row_of_losses(store: Bench) -> None:
    store.one()
    for failure in ("worker_lost", "worker_lost", "shutdown"):
        store.finish(store.claim()[0], failure)
    assert store.finish(store.claim()[0], "worker_lost").state == "failed"


def test_another_failure_ends_a_row_of_losses(store: Bench) -> None:
    store.one()
    for failure in ("worker_lost", "worker_lost", "agent_error"):
        store.finish(store.claim()[0], failure)
    store.do(lambda verbs: verbs.retry([1], fresh=False, now_ms=store.now_ms))
    assert store.finish(store.claim()[0], "worker_lost").state == "ready"


def test_a_result_sent_again_is_acknowledged_and_changes_nothing(store: Bench) -> None:
    claim = _running(store)
    store.finish(claim)
    before = store.reads.last_seq()
    assert store.finish(claim) == Landed(
        ticket_id=1, state="in_review", worker_id=WorkerId("worker-1"), repeated=True
    )
    assert store.reads.last_seq() == before


def test_a_result_twice_in_one_call_lands_once(store: Bench) -> None:
    end = store.end(_running(store))
    first, second = store.settle(end, end).ends
    assert isinstance(first, Landed)
    assert isinstance(second, Landed)
    assert (first.repeated, second.repeated) == (False, True)
    assert store.types(1).count("run_finished") == 1


def test_an_old_result_again_beside_the_new_one_tells_where_the_ticket_is_now(
    store: Bench,
) -> None:
    old = store.end(_running(store), "worker_lost")
    store.settle(old)
    landed, repeated = store.settle(store.end(store.claim()[0]), old).ends
    assert isinstance(landed, Landed)
    assert isinstance(repeated, Landed)
    assert (landed.repeated, repeated.repeated) == (False, True)
    assert repeated.state == landed.state == "in_review"


def test_a_failure_twice_in_one_call_is_answered_as_in_two(store: Bench) -> None:
    end = store.end(_running(store), "timeout")
    _first, second = store.settle(end, end).ends
    assert store.settle(end).ends == [second]


def test_another_result_of_an_ended_run_is_stale(store: Bench) -> None:
    claim = _running(store)
    store.finish(claim, "worker_lost")
    late = store.end(claim)
    store.stale(late)
    assert store.ticket(1).state == "ready"
    (again,) = store.claim()
    store.stale(late)
    assert store.ticket(1).run_id == again.run_id
    assert store.types().count("stale_result") == 1


def test_two_different_results_in_one_call_land_the_first(store: Bench) -> None:
    claim = _running(store)
    first, second = store.settle(
        store.end(claim, "worker_lost", seq=7), store.end(claim)
    ).ends
    assert isinstance(first, Landed)
    assert not isinstance(second, Landed)
    assert store.ticket(1).state == "ready"


def test_a_result_with_another_epoch_is_stale(store: Bench) -> None:
    claim = _running(store)
    end = msgspec.structs.replace(store.end(claim), epoch=epoch(2))
    store.stale(end)
    assert store.ticket(1).state == "working"
    stale = store.reads.events(since=0, limit=99, types=["stale_result"])
    assert [event.payload["epoch"] for event in stale] == [2]


def test_the_result_of_an_unknown_run_is_stale_and_journalled_once(
    store: Bench,
) -> None:
    claim = _running(store)
    end = msgspec.structs.replace(store.end(claim), run_id=RunId("nobody"))
    store.stale(end)
    store.stale(end)
    stale = store.reads.events(since=0, limit=99, types=["stale_result"])
    assert [event.ticket_id for event in stale] == [None]


def test_one_stale_result_does_not_disturb_its_neighbours(store: Bench) -> None:
    good = _running(store)
    bad = msgspec.structs.replace(store.end(good), run_id=RunId("nobody"))
    ends = store.settle(bad, store.end(good)).ends
    assert [isinstance(end, Landed) for end in ends] == [False, True]


@pytest.mark.parametrize("failure", [None, "agent_error", "worker_lost"])
def test_a_wish_to_cancel_is_stronger_than_any_result(
    store: Bench, failure: FailureClass | None
) -> None:
    claim = _running(store)
    store.do(lambda verbs: verbs.cancel([1], requeue=False, now_ms=1))
    assert store.finish(claim, failure).state == "cancelled"
    run = store.reads.run(claim.run_id)
    assert run is not None
    assert (run.status, run.failure) == ("aborted", "cancelled")
    assert store.claimed() == []


def test_a_cancelled_result_sent_again_is_acknowledged(store: Bench) -> None:
    claim = _running(store)
    store.do(lambda verbs: verbs.cancel([1], requeue=False, now_ms=1))
    store.finish(claim)
    assert store.finish(claim).repeated


def test_a_wish_to_requeue_makes_it_ready_at_once(store: Bench) -> None:
    claim = _running(store, max_retries=0)
    store.do(lambda verbs: verbs.cancel([1], requeue=True, now_ms=1))
    assert store.finish(claim, "cancelled", outcome="aborted").state == "ready"
    assert store.claimed() == [1]


def test_the_next_due_time_is_told(store: Bench) -> None:
    claim = _running(store)
    assert store.settle(store.end(claim, "timeout")).next_due_ms == 1_010_000
    assert store.settle().next_due_ms == 1_010_000
    assert store.reads.next_due_ms() == 1_010_000


def test_a_workers_count_rises_with_what_it_did_itself(store: Bench) -> None:
    row = WorkerRow(worker_id=WorkerId("worker-1"))
    store.do(lambda verbs: verbs.put_workers([row], [], now_ms=1))
    store.add(*"abcd")
    done, failed, lost, stopped = store.claim(4)
    store.settle(
        store.end(done),
        store.end(failed, "agent_error"),
        store.end(lost, "worker_lost"),
        store.end(stopped, "shutdown"),
    )
    assert [row.tickets_processed for row in store.reads.workers()] == [2]


def test_jitter_is_scaled_by_the_policy(store: Bench) -> None:
    claim = _running(store)
    assert store.finish(claim, "timeout", jitter=1.0).retry_due_ms == 1_012_000
