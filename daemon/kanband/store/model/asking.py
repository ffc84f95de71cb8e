"""What a live run's agent says, in memory."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from kanban_ipc.bounds import LINES_SAID_MAX
from kanban_ipc.control import Question
from kanban_ipc.words import Epoch, RunId
from kanband.core import journal
from kanband.store.asking import SAID_SEQ_BASE
from kanband.store.model.part import Part
from kanband.store.model.world import RunRecord
from kanband.store.values import RunLog, RunMark, RunQuestion


class Asking(Part):
    """``say``, ``mark`` and ``ask`` in memory."""

    def _live(self, run_id: RunId, epoch: Epoch) -> RunRecord | None:
        run = self._world.runs.get(run_id)
        return run if run is not None and run.live and run.epoch == epoch else None

    def say(self, lines: Sequence[RunLog]) -> list[Literal["kept", "stale", "full"]]:
        return [self._say(line) for line in lines]

    def _say(self, line: RunLog) -> Literal["kept", "stale", "full"]:
        run = self._live(line.run_id, line.epoch)
        if run is None:
            return "stale"
        if run.lines_said >= LINES_SAID_MAX:
            return "full"
        seq = SAID_SEQ_BASE + run.lines_said
        run.lines_said += 1
        kept = msgspec.structs.replace(line, seq=seq)
        self._world.logs.setdefault(run.id, {})[seq] = kept
        return "kept"

    def mark(self, marks: Sequence[RunMark]) -> None:
        for one in marks:
            run = self._live(one.run_id, one.epoch)
            if run is not None:
                run.mark = one

    def ask(self, questions: Sequence[RunQuestion], *, now_ms: int) -> list[bool]:
        return [self._ask(one, now_ms) for one in questions]

    def _ask(self, one: RunQuestion, now_ms: int) -> bool:
        run = self._live(one.run_id, one.epoch)
        if run is None:
            return False
        run.last_seq = max(run.last_seq, one.seq)
        asked = self._world.tickets[run.ticket_id].questions
        before = asked.get(run.epoch)
        said = (one.kind, one.text, list(one.choices))
        if before is None or (before.kind, before.text, before.choices) != said:
            asked[run.epoch] = Question(
                kind=one.kind,
                text=one.text,
                choices=list(one.choices),
                asked_at_ms=one.asked_ms,
                answer=None,
                answered_at_ms=None,
            )
            entry = journal.question_asked(run.lease, one.kind, one.text)
            self._world.note(entry, now_ms)
        return True
