"""Tests that hang are told of and ended, whatever they hang in.

``pytest-timeout`` gives each test one alarm, and takes it back as soon as the test has
failed: what a failed test leaves behind is cleared away without any limit, though it
is just that which may hang. So clearing away has an alarm of its own here. And since
an exception from an alarm does not reach everything (a callback of an event loop
swallows it, a second wait follows the first), a thread watches as the last resort: it
tells all that is known and ends the whole run.
"""

import contextlib
import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Final

import psutil
import pytest

TEARDOWN_S: Final = 60.0
"""For all that a test has started; seconds are usual."""
LAST_RESORT_S: Final = 240.0
"""More than a test and its clearing away may take by their alarms."""


@contextlib.contextmanager
def alarm(seconds: float, what: str) -> Iterator[None]:
    """Fail the test when the block takes longer, unless another alarm is set."""
    if signal.getitimer(signal.ITIMER_REAL)[0]:
        yield
        return

    def ring(_number: int, _frame: FrameType | None) -> None:
        pytest.fail(f"{what} took more than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Watchdog:
    """Ends this process when a test is not over in time."""

    def __init__(self, patience_s: float = LAST_RESORT_S) -> None:
        self._patience_s = patience_s
        # Tests see another stderr: theirs is captured.
        self._stderr = os.dup(sys.__stderr__.fileno() if sys.__stderr__ else 2)
        self._failed: list[str] = []
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, test: str) -> None:
        """A test starts."""
        self._over = threading.Event()
        self._thread = threading.Thread(
            target=self._watch, args=(test, self._over), name="watchdog", daemon=True
        )
        self._thread.start()

    def end(self) -> None:
        """It is over, and so is what it had started."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def failed(self, report: str) -> None:
        """Keep what pytest would say at the end only."""
        self._failed.append(report)

    def _watch(self, test: str, over: threading.Event) -> None:
        if over.wait(self._patience_s):
            return
        for report in self._failed:
            self._say(f"{report}\n\n")
        self._say(f"{test} hangs for {self._patience_s:g} s: the run ends here.\n")
        faulthandler.dump_traceback(self._stderr, all_threads=True)
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                self._say(f"{child.pid} {child.status()} {child.cmdline()}\n")
        os._exit(1)

    def _say(self, text: str) -> None:
        os.write(self._stderr, text.encode(errors="replace"))
