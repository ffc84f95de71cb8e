"""How a run ended, for every way it can."""

import pytest

from kanban_ipc.words import FailureClass
from kanban_worker.core.routing import RULES, Ended, Limit, Told, route

EVERYTHING = Ended(
    stopped="cancelled",
    limit="wall_time",
    launch_error="no such file",
    put_off="no memory",
    lost="worker_lost",
    exit_code=1,
    told=Told(failure="rate_limited"),
    unchanged=True,
)


def test_exit_0_is_finished() -> None:
    assert route(Ended(exit_code=0)) == ("finished", None, "")


@pytest.mark.parametrize(
    ("end", "failure", "words"),
    [
        (Ended(exit_code=1), "agent_error", "exit status 1"),
        (Ended(exit_code=75), "deferred", "tried later"),
        (Ended(exit_code=75, exit_class="auth"), "auth", "its profile calls auth"),
        (Ended(exit_code=9, exit_class="rate_limited"), "rate_limited", "status 9"),
        (Ended(signal=9, signal_name="SIGKILL"), "agent_error", "SIGKILL"),
        (Ended(signal=40), "agent_error", "signal 40"),
        (Ended(exit_code=0, unchanged=True), "agent_error", "changed nothing"),
        (Ended(limit="wall_time", limit_s=5), "timeout", "after 5 s"),
        (Ended(limit="silence", limit_s=5), "stalled", "no output for 5 s"),
        (Ended(launch_error="no such file"), "setup", "no such file"),
        (Ended(put_off="no memory"), "deferred", "no memory; nothing is wrong"),
        (Ended(lost="worker_lost"), "worker_lost", "without an exit record"),
        (Ended(lost="worker_lost", lost_detail="why"), "worker_lost", "(why)"),
        (Ended(lost="host_lost"), "host_lost", "machine"),
        (Ended(), "worker_lost", "not observed"),
        (Ended(exit_code=0, told=Told(failure="auth")), "auth", "auth"),
        (
            Ended(exit_code=0, told=Told(failure="agent_error", message="m")),
            "agent_error",
            "m",
        ),
    ],
)
def test_an_end_has_its_class_and_says_why(
    end: Ended, failure: FailureClass, words: str
) -> None:
    verdict = route(end)
    assert (verdict.outcome, verdict.failure) == ("error", failure)
    assert words in verdict.message


@pytest.mark.parametrize("order", ["cancelled", "shutdown", "timeout"])
def test_what_was_ended_by_order_is_aborted_with_the_orders_class(
    order: FailureClass,
) -> None:
    verdict = route(Ended(stopped=order, exit_code=0))
    assert (verdict.outcome, verdict.failure) == ("aborted", order)


def test_the_first_rule_that_applies_decides() -> None:
    assert RULES[0].applies(EVERYTHING)
    assert route(EVERYTHING).failure == "cancelled"


def test_every_rule_can_be_reached() -> None:
    limits: list[Limit | None] = ["wall_time", None]
    ends = [
        Ended(stopped=stopped, limit=limit, told=told, launch_error=launch, lost=lost,
              exit_code=code, exit_class=named, signal=number, unchanged=unchanged,
              put_off=put_off)
        for stopped in ("cancelled", None)
        for limit in limits
        for told in (Told(failure="auth"), Told(failure="agent_error"), Told())
        for launch in ("x", "")
        for put_off in ("x", "")
        for lost in ("host_lost", None)
        for code, number in ((None, None), (None, 9), (75, None), (1, None), (0, None))
        for named in ("auth", None)
        for unchanged in (True, False)
    ]  # fmt: skip
    first = {
        next((rule.name for rule in RULES if rule.applies(end)), "finished")
        for end in ends
    }
    assert first == {rule.name for rule in RULES} | {"finished"}
