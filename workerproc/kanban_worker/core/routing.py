"""How a run ended: from what was seen of its agent to an outcome.

Theory. Several things may be true of one end (it was cancelled, its time was up, it
exited with 1). The table ``RULES`` is read from the top and the first rule that
applies decides; its order is that of the most certain cause: what we did to the agent
ourselves, then a limit, then what its own events said (limits of its provider), then
that it never ran (for good, or for now), then that its end was not observed, then
errors it reported, then its exit status (as its profile names it, else as everybody
does). An exit status of 0 alone is the weakest sign of success.

Absent: what follows (retries, budgets, the ticket's state); the daemon decides that
from the failure class.
"""

from collections.abc import Callable
from typing import Final, Literal, NamedTuple

import msgspec

from kanban_ipc.words import FailureClass

EXIT_LATER: Final = 75
"""EX_TEMPFAIL of sysexits.h: the agent asks to be tried again later."""

Limit = Literal["wall_time", "silence"]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent's own output says of its end. Kind ``shell`` says little."""

    failure: FailureClass | None = None
    """``rate_limited``, ``auth`` or ``over_budget`` from a structured event; any
    other class is an error event."""
    message: str = ""
    summary_md: str = ""
    retry_after_s: int = 0
    """With a rate limit: when to come again, as its provider says; 0: unsaid."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of the end."""

    stopped: FailureClass | None = None
    """Ended by order; the order's class."""
    limit: Limit | None = None
    limit_s: float = 0.0
    launch_error: str = ""
    """Why the program can not be started until somebody mends something."""
    put_off: str = ""
    """What stood in its way for now."""
    lost: Literal["worker_lost", "host_lost"] | None = None
    """Gone without an exit record."""
    lost_detail: str = ""
    """What is known about it."""
    exit_code: int | None = None
    exit_class: FailureClass | None = None
    """What its profile says that this exit status means."""
    signal: int | None = None
    signal_name: str = ""
    told: Told = Told()
    unchanged: bool = False
    """A change was expected and there is none."""


class Verdict(NamedTuple):
    """What it comes to; ``failure`` is set exactly when it is not ``finished``."""

    outcome: Literal["finished", "error", "aborted"]
    failure: FailureClass | None
    message: str


class Rule(NamedTuple):
    """One line of the table."""

    name: str
    applies: Callable[[Ended], bool]
    verdict: Callable[[Ended], Verdict]


_PROVIDER: Final = frozenset[FailureClass]({"rate_limited", "auth", "over_budget"})


def _error(failure: FailureClass, message: str) -> Verdict:
    return Verdict("error", failure, message)


def _stopped(end: Ended) -> Verdict:
    failure = end.stopped or "cancelled"
    why = {
        "cancelled": "cancelled on request",
        "shutdown": "ended because its worker was stopped; it will be resumed",
    }
    return Verdict("aborted", failure, why.get(failure, f"ended by order ({failure})"))


def _limit(end: Ended) -> Verdict:
    if end.limit == "silence":
        return _error(
            "stalled",
            f"no output for {end.limit_s:g} s, so it was ended; raise silence_s of its "
            "profile if so long a silence is normal for it",
        )
    return _error(
        "timeout",
        f"still running after {end.limit_s:g} s, so it was ended; raise run_s of its "
        "profile or the ticket's timeout, or make the ticket smaller",
    )


def _told(end: Ended) -> Verdict:
    failure = end.told.failure or "agent_error"
    return _error(failure, end.told.message or f"the agent reported {failure}")


def _launch(end: Ended) -> Verdict:
    return _error("setup", end.launch_error)


def _put_off(end: Ended) -> Verdict:
    # Not a loss: three of these within a second would make the ticket poison.
    return _error(
        "deferred",
        f"{end.put_off}; nothing is wrong with the ticket, it is tried again later",
    )


def _lost(end: Ended) -> Verdict:
    if end.lost == "host_lost":
        return _error(
            "host_lost", "the machine went down while it ran; it will be tried again"
        )
    how = end.lost_detail or "killed from outside, or out of memory"
    return _error(
        "worker_lost",
        f"it disappeared without an exit record ({how}); it will be tried again",
    )


def _not_observed(_: Ended) -> Verdict:
    return _error("worker_lost", "how it ended was not observed; it is tried again")


def _signal(end: Ended) -> Verdict:
    name = end.signal_name or f"signal {end.signal}"
    return _error("agent_error", f"the agent was killed by {name}, not by kanband")


def _as_configured(end: Ended) -> Verdict:
    failure = end.exit_class or "agent_error"
    return _error(
        failure,
        f"the agent ended with exit status {end.exit_code}, which its profile calls "
        f"{failure}; its output says more",
    )


def _later(_: Ended) -> Verdict:
    return _error("deferred", f"the agent asked to be tried later (exit {EXIT_LATER})")


def _nonzero(end: Ended) -> Verdict:
    return _error(
        "agent_error",
        f"the agent ended with exit status {end.exit_code}; its output says why",
    )


def _unchanged(_: Ended) -> Verdict:
    return _error(
        "agent_error",
        "the agent ended well but changed nothing, and its profile expects a change",
    )


RULES: Final = (
    Rule("stopped by us", lambda end: end.stopped is not None, _stopped),
    Rule("over a limit", lambda end: end.limit is not None, _limit),
    Rule("provider refuses", lambda end: end.told.failure in _PROVIDER, _told),
    Rule("never started", lambda end: bool(end.launch_error), _launch),
    Rule("not for now", lambda end: bool(end.put_off), _put_off),
    Rule("lost", lambda end: end.lost is not None, _lost),
    Rule(
        "not observed",
        lambda end: end.exit_code is None and end.signal is None,
        _not_observed,
    ),
    Rule("error event", lambda end: end.told.failure is not None, _told),
    Rule("killed by a signal", lambda end: end.signal is not None, _signal),
    Rule("exit status has a name", lambda end: bool(end.exit_class), _as_configured),
    Rule("asks for later", lambda end: end.exit_code == EXIT_LATER, _later),
    Rule("failed", lambda end: end.exit_code != 0, _nonzero),
    Rule("nothing changed", lambda end: end.unchanged, _unchanged),
)


def route(end: Ended) -> Verdict:
    """The first rule that applies; none is success."""
    for rule in RULES:
        if rule.applies(end):
            return rule.verdict(end)
    return Verdict("finished", None, "")
