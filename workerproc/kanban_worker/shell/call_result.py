"""The result of a call: from how its thread says it ended, and why it was to end."""

from collections.abc import Mapping
from typing import Final

import msgspec

from kanban_ipc.link import Result
from kanban_ipc.words import FailureClass
from kanban_worker.agents.python import CallEnded
from kanban_worker.core.routing import Ended, Limit, Told, Verdict, route

FAILURES: Final[Mapping[str, FailureClass]] = {
    "failed": "agent_error",
    "later": "deferred",
    "unusable": "setup",
}
UNHEEDED: Final = "it did not heed this, so its worker was replaced"
WELL: Final = Verdict("finished", None, "")


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """What made a call end other than by itself."""

    stopped: FailureClass | None = None
    limit: Limit | None = None
    limit_s: float = 0.0


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """When it ran: wall times, and the time between by the monotonic clock."""

    started_ms: int
    ended_ms: int
    duration_ms: int


def returned(event: CallEnded, why: Why, times: Times) -> Result:
    """Its thread came back."""
    if event.how == "finished" and why.stopped is None and why.limit is None:
        return _result(WELL, times, event.text)
    told = Told(failure=FAILURES.get(event.how), message=event.text)
    return _result(route(_ended(why, told)), times)


def unheeded(why: Why, times: Times) -> Result:
    """Its thread does not come back."""
    verdict = route(_ended(why, Told()))
    return _result(verdict._replace(message=f"{verdict.message}; {UNHEEDED}"), times)


def lost(stopped: FailureClass | None) -> Result:
    """It died with an earlier incarnation."""
    how = "its worker died while it ran"
    verdict = route(Ended(stopped=stopped, lost="worker_lost", lost_detail=how))
    return _result(verdict, Times(started_ms=0, ended_ms=0, duration_ms=0))


def _ended(why: Why, told: Told) -> Ended:
    return Ended(
        stopped=why.stopped,
        limit=why.limit,
        limit_s=why.limit_s,
        told=told,
        exit_code=0,
    )


def _result(verdict: Verdict, times: Times, summary: str = "") -> Result:
    return Result(
        outcome=verdict.outcome,
        failure=verdict.failure,
        message=verdict.message,
        summary_md=summary,
        agent_started_ms=times.started_ms,
        agent_ended_ms=times.ended_ms,
        duration_ms=times.duration_ms,
    )
