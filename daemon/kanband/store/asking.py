"""What a live run's agent says: how far it is, a line of its log, a question.

Nothing here moves a ticket: a question is laid before people when its run has ended
(``settling``). Whatever comes from a run that does not hold its ticket changes nothing.
"""

from collections.abc import Sequence
from typing import Final, Literal

import apsw

from kanban_ipc.bounds import LINES_SAID_MAX
from kanban_ipc.words import Epoch, RunId
from kanband.core import journal
from kanband.store.ledger import Ledger
from kanband.store.rows import encode
from kanband.store.statements import load
from kanband.store.values import RunLog, RunMark, RunQuestion

_SQL: Final = load("running")
SAID_SEQ_BASE: Final = 1 << 32
"""Lines of agent.sock are numbered above every number of the link."""


def say(
    db: apsw.Connection, lines: Sequence[RunLog]
) -> list[Literal["kept", "stale", "full"]]:
    """See ``Verbs.say``."""
    return [_say_one(db, line) for line in lines]


def _say_one(db: apsw.Connection, line: RunLog) -> Literal["kept", "stale", "full"]:
    if _lease(db, line.run_id, line.epoch) is None:
        return "stale"
    said: int = db.execute(_SQL["lines_said"], (line.run_id,)).get
    if said >= LINES_SAID_MAX:
        return "full"
    db.execute(_SQL["said"], (line.run_id,))
    db.execute(
        _SQL["log"],
        (line.run_id, SAID_SEQ_BASE + said, line.ts_ms, line.level, line.message),
    )
    return "kept"


def mark(db: apsw.Connection, marks: Sequence[RunMark]) -> None:
    """See ``Verbs.mark``."""
    db.executemany(
        _SQL["mark"],
        [
            (one.run_id, one.percent, one.step, one.current_step, one.total_steps)
            for one in marks
            if _lease(db, one.run_id, one.epoch) is not None
        ],
    )


def ask(
    db: apsw.Connection, questions: Sequence[RunQuestion], *, now_ms: int
) -> list[bool]:
    """See ``Verbs.ask``."""
    ledger = Ledger(db, now_ms)
    answers = [_ask_one(db, ledger, one) for one in questions]
    ledger.write()
    return answers


def _ask_one(db: apsw.Connection, ledger: Ledger, one: RunQuestion) -> bool:
    lease = _lease(db, one.run_id, one.epoch)
    if lease is None:
        return False
    if one.seq:
        db.execute(_SQL["seen"], (one.run_id, one.seq))
    said = (one.kind, one.text, encode(one.choices).decode())
    key = (lease.ticket_id, lease.epoch)
    if db.execute(_SQL["asked_before"], (*key, *said)).get is None:
        db.execute(_SQL["ask"], (*key, *said, one.asked_ms))
        ledger.note(journal.question_asked(lease, one.kind, one.text))
    return True


def _lease(db: apsw.Connection, run_id: RunId, epoch: Epoch) -> journal.Lease | None:
    row = db.execute(_SQL["asking"], (run_id, epoch)).get
    return None if row is None else journal.Lease(*row)
