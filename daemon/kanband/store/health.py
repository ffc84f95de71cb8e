"""What is wrong with the store now, in words for ``status``, and that it is looked at.

Decided here: which troubles there are, and when each is over. Writes are refused until
one was kept, questions fail until one was answered, the log does not shrink until it
was moved into the file, commits are slow until one was quick. An idle daemon would
never find out, so whoever reports a trouble has the store tried again, once a second,
until none is left.

The store's threads write, the event loop reads: each word is replaced as a whole.
Absent: what cannot be gone on from; the daemon leaves then (``writer``).
"""

import time
from collections.abc import Callable
from typing import Final

SLOW_S: Final = 1.0
"""A commit takes milliseconds; people notice when an answer takes this long."""
TRY_S: Final = 1.0
"""Between two tries of a store that is in trouble."""


class Health:
    """A word for each way in which the store can be ill; empty when it is not."""

    def __init__(
        self, ill: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``ill`` is called, in any of the threads, when it is to be tried again."""
        self._ill = ill
        self._clock = clock
        self._writes = ""
        self._reads = ""
        self._log = ""
        self._slow = ""
        self._since: float | None = None

    @property
    def well(self) -> bool:
        """Nothing needs to be tried again."""
        return not (self._writes or self._reads or self._log or self._slow)

    def problems(self) -> list[str]:
        """Each with what it means and what to do."""
        since = self._since
        late_s = 0.0 if since is None else self._clock() - since
        words = [self._writes, self._reads, self._log, self._slow]
        if late_s >= SLOW_S:
            words.append(_slow(f"has been at a commit for {late_s:.0f} s"))
        return [word for word in words if word]

    # ------------------------------------------------------------------- the writer

    def committing(self) -> None:
        """A commit begins."""
        self._since = self._clock()

    def written(self) -> None:
        """A commit is durable, and something was written for it."""
        self._writes = ""
        since, self._since = self._since, None
        took_s = 0.0 if since is None else self._clock() - since
        self._slow = ""
        if took_s >= SLOW_S:
            self._slow = _slow(f"needed {took_s:.1f} s for its last commit")
            self._ill()

    def committed(self) -> None:
        """A commit has ended; it may have been of nothing."""
        self._since = None

    def refused(self, why: str) -> None:
        """A commit failed, and what it was to keep is as it was before."""
        self._since = None
        self._writes = (
            f"the store takes no changes: {why} It is tried again every second; what "
            "was acknowledged is safe"
        )
        self._ill()

    # ------------------------------------------------------------ reader, checkpoints

    def answered(self) -> None:
        """A question was."""
        self._reads = ""

    def unreadable(self, why: str) -> None:
        """A question failed by the disk."""
        self._reads = (
            f"the store cannot be read: {why} It is tried again every second; look "
            "for disk errors (dmesg, smartctl), and make a backup: kanbanctl backup"
        )
        self._ill()

    def log_moved(self) -> None:
        """The log was copied into the file, or as much as readers allowed."""
        self._log = ""

    def log_stays(self, why: str, mib: int) -> None:
        """It could not be copied, and grows by all that is written."""
        self._log = (
            f"the store's log ({mib} MiB) cannot be moved into its file: {why} It "
            "grows until it can, which is tried again every second; nothing is lost"
        )
        self._ill()


def _slow(what: str) -> str:
    return (
        f"the store {what}: its disk is slow, and whoever changes something waits as "
        "long; nothing is lost. Look for what else uses the disk (iostat -x 1)"
    )
