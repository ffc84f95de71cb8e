"""What the end of a worker's process means.

Decided here: which of five classes an end belongs to, how it is told to people, and
which event of ``workers`` it is. Absent: whether and when the worker is started again
(``workers``, ``backoff``), and how an *agent's* end is classified, which is the
worker's business.
"""

from typing import Final, Literal

import msgspec

from kanband.core.workers import Event

ExitKind = Literal["expected", "crashed", "killed", "before_hello", "not_observed"]

EXIT_REFUSED: Final = 2
"""A worker that the daemon has refused reports the reason and leaves with this code."""

_SIGNALS: Final = (
    *("HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1"),
    *("SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP"),
    *("TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH"),
    *("IO", "PWR", "SYS"),
)
"""From 1: signal(7), the numbers of x86 and ARM."""


class End(msgspec.Struct, frozen=True):
    """All that is known of the end of a process."""

    exit_code: int | None = None
    signal: int | None = None
    """Neither is set when nobody could wait for it: its spawner had died."""
    said_hello: bool = False
    goodbye: str = ""
    """The reason it gave for leaving, if it did."""
    stopping: bool = False
    """It was asked to stop."""
    put_down: str = ""
    """Why we had to kill it, if we did: silent, no hello in time."""


class Exit(msgspec.Struct, frozen=True):
    """The verdict."""

    kind: ExitKind
    event: Event
    """What happens to the automaton; ``failed`` may turn out to be ``exhausted``."""
    reason: str
    """For people, without a full stop."""


def classify(end: End) -> Exit:
    """Judge an end. The first row that fits decides."""
    how = _how(end)
    if end.stopping:
        return Exit("expected", "ended", f"stopped on request ({how})")
    if not end.said_hello:
        why = f"{end.put_down}: {how}" if end.put_down else f"{how} before hello"
        return Exit("before_hello", "failed", why)
    if end.put_down:
        return Exit("killed", "crashed", f"{end.put_down}: {how}")
    if end.goodbye or end.exit_code == 0:
        why = f": {end.goodbye}" if end.goodbye else ""
        return Exit("expected", "left", f"left by itself{why} ({how})")
    return _unexpected(end, how)


def _unexpected(end: End, how: str) -> Exit:
    if end.signal is not None:
        return Exit("killed", "crashed", how)
    if end.exit_code is None:
        return Exit("not_observed", "crashed", how)
    return Exit("crashed", "crashed", how)


def _how(end: End) -> str:
    if end.signal is not None:
        return f"killed by {signal_name(end.signal)}"
    if end.exit_code is None:
        return "exit not observed"
    refused = ", refused by the daemon" if end.exit_code == EXIT_REFUSED else ""
    return f"exit code {end.exit_code}{refused}"


def signal_name(number: int) -> str:
    """``SIGKILL`` for 9; real-time signals by their number."""
    if 0 < number <= len(_SIGNALS):
        return f"SIG{_SIGNALS[number - 1]}"
    return f"signal {number}"
