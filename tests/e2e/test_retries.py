"""Another attempt: when, how often, and when no more."""

from pathlib import Path

import pytest

from kanban_ipc import control
from support.system import System


def test_a_failing_ticket_is_tried_once_more_than_its_retries_then_blocked(
    system: System,
) -> None:
    ticket = system.add("Fail", instructions="exit 3", max_retries=2)
    [rested] = system.wait(ticket)
    assert (rested.state, rested.column) == ("failed", "Blocked")
    runs = system.runs(ticket)
    assert [run.attempt for run in runs] == [3, 2, 1]
    assert {run.exit_code for run in runs} == {3}
    assert rested.retry_count == 2
    starts = [run.queued_at_ms for run in reversed(runs)]
    ends = [run.ended_at_ms or 0 for run in reversed(runs)]
    # 0.2 s, then 0.4 s, each ± 20 %.
    assert starts[1] - ends[0] >= 155
    assert starts[2] - ends[1] >= 315


def test_a_ticket_that_waits_for_its_retry_is_ready_with_its_time(
    system: System,
) -> None:
    ticket = system.add("Fail", instructions="exit 3", max_retries=20)
    waits = control.WaitCall(ids=[ticket], states=["ready"])
    while True:
        [seen] = system.ask(waits, control.TicketsReply).tickets
        if seen.waits_for == "due" and seen.retry_count >= 4:
            break
    assert seen.column == "Ready"
    assert seen.due_at_ms is not None
    assert seen.due_at_ms > seen.updated_at_ms
    assert "3" in system.ctl("why", str(ticket)).stdout


@pytest.mark.parametrize(
    ("lines", "failure"),
    [("exit 3", "agent_error"), ("exec sleep 1000", "timeout")],
)
def test_a_retry_can_succeed(
    system: System, tmp_path: Path, lines: str, failure: str
) -> None:
    mark = tmp_path / "mark"
    script = f"[ -e {mark} ] && exit 0\ntouch {mark}\n{lines}\n"
    ticket = system.add("At last", instructions=script, timeout_s=1)
    [rested] = system.wait(ticket)
    assert rested.state == "in_review"
    again, first = system.runs(ticket)
    assert (first.status, first.failure) == ("error", failure)
    assert (again.status, again.attempt) == ("finished", 2)


def test_a_program_that_is_not_there_is_not_tried_again(system: System) -> None:
    ticket = system.add("No instructions", instructions="")
    [rested] = system.wait(ticket)
    assert (rested.state, rested.failure) == ("failed", "setup")
    assert len(system.runs(ticket)) == 1
    assert "instructions" in rested.reason


def test_exit_75_asks_for_later_and_costs_no_attempt(
    system: System, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    script = f"[ -e {mark} ] && exit 0\ntouch {mark}\nexit 75\n"
    ticket = system.add("Later", instructions=script, max_retries=0)
    [rested] = system.wait(ticket)
    assert rested.state == "in_review"
    assert [run.failure for run in system.runs(ticket)] == [None, "deferred"]


CLOUD = """
[agents.fast]
provider = "cloud"
exit_codes = { 76 = "rate_limited", 77 = "auth" }
[agents.slow]
provider = "cloud"
"""


def test_a_rate_limit_holds_the_whole_provider_until_it_has_cooled_down(
    tmp_path: Path,
) -> None:
    system = System(tmp_path / "system", CLOUD)
    try:
        system.start()
        mark = tmp_path / "mark"
        script = (
            f"[ -e {mark} ] && exit 0\ntouch {mark}\necho Retry-After: 2 >&2\nexit 76\n"
        )
        first = system.add("Refused", instructions=script, agent="fast", max_retries=0)
        waits = control.WaitCall(ids=[first], states=["ready"])
        while True:
            [seen] = system.ask(waits, control.TicketsReply).tickets
            if seen.waits_for == "cooldown":
                break
        other = system.add("Held too", instructions="true", agent="slow")
        assert "cools down" in system.ctl("why", str(other)).stdout
        assert "cloud" in system.ctl("queue", "status").stdout
        assert "cloud" in system.ctl("status").stdout
        assert {one.state for one in system.wait(first, other)} == {"in_review"}
        [run] = system.runs(other)
        assert seen.due_at_ms is not None
        assert run.queued_at_ms >= seen.due_at_ms
        assert [run.failure for run in system.runs(first)] == [None, "rate_limited"]
    finally:
        system.close()


def test_an_exit_status_that_means_auth_is_not_tried_again(tmp_path: Path) -> None:
    system = System(tmp_path / "system", CLOUD)
    try:
        system.start()
        ticket = system.add("No key", instructions="exit 77", agent="fast")
        [rested] = system.wait(ticket)
        assert (rested.state, rested.failure) == ("failed", "auth")
        assert len(system.runs(ticket)) == 1
        assert "remove the cause" in system.ctl("why", str(ticket)).stdout
    finally:
        system.close()


def test_a_failed_ticket_runs_again_when_somebody_says_so(
    system: System, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    ticket = system.add("Not yet", instructions=f"[ -e {mark} ]", max_retries=0)
    assert system.wait(ticket)[0].state == "failed"
    mark.touch()
    system.ctl("retry", str(ticket))
    assert system.wait(ticket, states=["in_review"])[0].retry_count == 0


def test_a_ticket_that_loses_its_worker_three_times_is_poison(
    system: System, tmp_path: Path
) -> None:
    """Its agent kills its own shim: the run is lost, every time."""
    del tmp_path
    script = "kill -9 $PPID\nsleep 1000\n"
    ticket = system.add("Kill the shim", instructions=script)
    [rested] = system.wait(ticket)
    assert rested.state == "failed"
    runs = system.runs(ticket)
    assert {run.failure for run in runs} == {"worker_lost"}
    assert len(runs) == 3
    assert "3" in rested.reason
