"""Reliable messages of the runs at hand, until the daemon has committed them.

Theory. Every reliable message of a run carries the run's next sequence number, from 1;
``acknowledge`` is cumulative. ``unacknowledged`` is what a new conversation starts
with. A run's ``Finished`` is its last message: once that is acknowledged the run is
forgotten.

An incarnation that takes a run over goes on from the number that the daemon had
received when it assigned it. ``Finished`` must not fall below what its predecessor had
sent in any case, so a run taken over ends with ``SEQ_LAST``.

Bounded: at most ``LINES_MAX`` log lines of one run wait; further ones are counted and
lost, which the next line that fits reports.
"""

from collections.abc import Iterator
from typing import Final

from kanban_ipc.agent import SPOOL_FILES_MAX
from kanban_ipc.bounds import MESSAGE_CHARS_MAX
from kanban_ipc.link import Asked, Finished, Log, Started
from kanban_ipc.words import Epoch, LogLevel, QuestionKind, RunId

LINES_MAX: Final = SPOOL_FILES_MAX + 1
"""Of an agent all that it may leave to be said, its question last, beside ``Started``;
of a call about an hour (one line in 4 s) with the daemon away."""
SEQ_LAST: Final = (1 << 31) - 1

Reliable = Started | Log | Asked | Finished


class RunBox:
    """One run's messages that are not acknowledged yet, in order."""

    def __init__(
        self, run_id: RunId, epoch: Epoch, *, taken_over: bool, after: int = 0
    ) -> None:
        """``taken_over``: an earlier incarnation may have sent messages of it, up to
        the number ``after``.
        """
        self.run_id = run_id
        self.epoch = epoch
        self.waiting: list[Reliable] = []
        self._taken_over = taken_over
        # After a ``Finished`` of its own only the same ``Finished`` can follow.
        self._first = after if after < SEQ_LAST else 0
        self._seq = self._first
        self._last: int | None = None
        self._lines_lost = 0

    @property
    def begun(self) -> bool:
        """Whether anything of the run was said by this incarnation."""
        return self._seq > self._first

    def next_seq(self) -> int:
        """The number of the run's next message, which must then be kept."""
        self._seq += 1
        return self._seq

    def keep(self, message: Reliable) -> None:
        """Hold it until it is acknowledged."""
        self.waiting.append(message)

    def last_seq(self) -> int:
        """The number of its ``Finished``; the same at every call."""
        if self._last is None:
            self._last = SEQ_LAST if self._taken_over else self.next_seq()
        return self._last

    def line(self, ts_ms: int, level: LogLevel, text: str) -> Log | None:
        """A kept line of the execution log; None when too many wait."""
        if len(self.waiting) >= LINES_MAX:
            self._lines_lost += 1
            return None
        if self._lines_lost:
            text = f"({self._lines_lost} earlier lines were lost) {text}"
            self._lines_lost = 0
        text = text[:MESSAGE_CHARS_MAX]
        message = Log(self.run_id, self.epoch, self.next_seq(), ts_ms, level, text)
        self.keep(message)
        return message

    def question(
        self, asked_ms: int, text: str, kind: QuestionKind, choices: tuple[str, ...]
    ) -> Asked | None:
        """A kept question; None when too many messages wait."""
        if len(self.waiting) >= LINES_MAX:
            return None
        seq = self.next_seq()
        message = Asked(self.run_id, self.epoch, seq, asked_ms, text, kind, choices)
        self.keep(message)
        return message

    def acknowledge(self, seq: int) -> bool:
        """Forget everything up to ``seq``; True when ``Finished`` was among it."""
        self.waiting = [each for each in self.waiting if each.seq > seq]
        return self._last is not None and seq >= self._last


class Outbox:
    """All runs' boxes."""

    def __init__(self) -> None:
        self._boxes: dict[tuple[RunId, Epoch], RunBox] = {}

    def open(
        self, run_id: RunId, epoch: Epoch, *, taken_over: bool, after: int = 0
    ) -> RunBox:
        """A new run's box."""
        box = RunBox(run_id, epoch, taken_over=taken_over, after=after)
        self._boxes[(run_id, epoch)] = box
        return box

    def keep(self, message: Reliable) -> None:
        """Hold it in its run's box; a run that was dropped has none."""
        if box := self._boxes.get((message.run_id, message.epoch)):
            box.keep(message)

    def acknowledge(self, run_id: RunId, epoch: Epoch, seq: int) -> bool:
        """True when the run's ``Finished`` is acknowledged: the run is forgotten."""
        box = self._boxes.get((run_id, epoch))
        if box is None or not box.acknowledge(seq):
            return False
        del self._boxes[(run_id, epoch)]
        return True

    def drop(self, run_id: RunId, epoch: Epoch) -> None:
        """Forget a run that is not ours any more."""
        self._boxes.pop((run_id, epoch), None)

    def unacknowledged(self) -> Iterator[Reliable]:
        """Everything, each run's in order."""
        for box in self._boxes.values():
            yield from box.waiting
