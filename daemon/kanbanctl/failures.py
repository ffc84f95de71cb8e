"""What can go wrong between a person and the daemon, and its exit code.

Root: ``Failure``. Each carries what happened, why, and what to do, ready to print.
Exit codes: 1 refused, 69 daemon unreachable, 75 timed out (sysexits.h's
EX_UNAVAILABLE and EX_TEMPFAIL); ``status`` has its own after the Linux Standard Base:
3 nobody listens, 4 no answer. 2, usage, is click's.
"""

from typing import ClassVar, Final

EXIT_REFUSED: Final = 1
EXIT_USAGE: Final = 2
EXIT_UNREACHABLE: Final = 69
EXIT_TIMED_OUT: Final = 75
EXIT_INTERRUPTED: Final = 130
"""128 + SIGINT, as shells have it."""


class Failure(Exception):
    """Root of what ends a command badly."""

    exit_code: ClassVar[int] = EXIT_REFUSED
    status_exit_code: ClassVar[int] = EXIT_REFUSED
    """What it means to ``status``."""

    def __init__(self, message: str, *, kind: str = "") -> None:
        """``kind``: its name in ``--json``; else the class's name."""
        super().__init__(message)
        self.message = message
        self.kind = kind or type(self).__name__


class Refused(Failure):
    """The daemon understood and said no."""


class BadInput(Failure):
    """What was to be sent is not fit for it; nothing was sent."""


class NobodyListens(Failure):
    """There is no daemon behind the socket."""

    exit_code = EXIT_UNREACHABLE
    status_exit_code = 3


class NoAnswer(Failure):
    """Something is there, and it does not answer as the daemon would."""

    exit_code = EXIT_UNREACHABLE
    status_exit_code = 4


class TimedOut(Failure):
    """No answer in time."""

    exit_code = EXIT_TIMED_OUT
    status_exit_code = 4
