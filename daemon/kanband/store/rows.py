"""Rows of the database as the structs that the rest of the program knows.

The order of columns is that of ``sql/sqlite/reading.sql``.
"""

from typing import Any, Final, TypeAlias

import msgspec

from kanban_ipc.control import Question, Run, Ticket
from kanban_ipc.layout import RUNS_DIR
from kanban_ipc.link import Exchange, Work
from kanban_ipc.words import COLUMN_OF, PRIORITIES, QuestionKind, RunId, TicketId
from kanband.core.priority import of_number

Row: TypeAlias = tuple[Any, ...]

NO_LABELS: Final = "[]"
_strings: Final = msgspec.json.Decoder(list[str]).decode
_numbers: Final = msgspec.json.Decoder(list[int]).decode
_question: Final = msgspec.json.Decoder(Question).decode
NO_EXCHANGES: Final = "[]"
encode: Final = msgspec.json.Encoder().encode


def ticket_of(row: Row) -> Ticket:
    """From ``ticket_columns``."""
    return Ticket(
        id=row[0],
        board=row[1],
        title=row[2],
        description_md=row[3],
        instructions=row[4],
        state=row[5],
        column=COLUMN_OF[row[5]],
        priority=of_number(row[6]),
        priority_number=row[6],
        labels=_strings(row[7]),
        task_type=row[8],
        repo_path=row[9],
        base_branch=row[10],
        branch=row[11],
        worktree=row[12],
        agent=row[13],
        model=row[14],
        max_retries=row[15],
        retry_count=row[16],
        due_at_ms=row[17],
        scheduled_at_ms=row[18],
        depends_on=sorted(_numbers(row[19])),
        timeout_s=row[20],
        estimated_duration_s=row[21],
        actual_duration_s=row[22],
        epoch=row[23],
        run_id=row[24],
        worker_id=row[25],
        waits_for=row[26],
        reason=row[27],
        failure=row[28],
        key=row[29],
        created_at_ms=row[30],
        updated_at_ms=row[31],
        state_changed_at_ms=row[32],
        started_at_ms=row[33],
        completed_at_ms=row[34],
        question=None if row[35] is None else _question(row[35]),
    )


def run_of(row: Row) -> Run:
    """From ``run_columns``; ``run_dir`` is relative to the state directory."""
    return Run(
        id=row[0],
        ticket_id=row[1],
        title=row[2],
        epoch=row[3],
        attempt=row[4],
        worker_id=row[5],
        agent=row[6],
        status=row[7],
        failure=row[8],
        message=row[9],
        exit_code=row[10],
        signal=row[11],
        summary_md=row[12],
        progress=100 if row[7] == "finished" else row[31],
        step=row[32],
        branch=row[13],
        worktree=row[14],
        head_before=row[15],
        head_after=row[16],
        files_changed=_strings(row[17]),
        files_changed_count=row[18],
        insertions=row[19],
        deletions=row[20],
        output_bytes=row[21],
        log_cut=bool(row[22]),
        leftovers_killed=row[23],
        proof=row[24],
        cpu_ms=row[25],
        rss_max_bytes=row[26],
        run_dir=run_dir(row[0]),
        queued_at_ms=row[27],
        started_at_ms=row[28],
        ended_at_ms=row[29],
        duration_s=None if row[30] is None else row[30] / 1000,
        current_step=row[33],
        total_steps=row[34],
        question=None if row[35] is None else _question(row[35]),
    )


def run_dir(run_id: RunId) -> str:
    """Where a run's files are, relative to the state directory."""
    return f"{RUNS_DIR}/{run_id}"


class _Pair(msgspec.Struct, frozen=True):
    """An exchange as the SQL gives it: an object, not the link's array."""

    question: str
    answer: str
    kind: QuestionKind


_pairs: Final = msgspec.json.Decoder(list[_Pair]).decode


def _exchanges(text: str) -> tuple[Exchange, ...]:
    if text == NO_EXCHANGES:
        return ()
    return tuple(Exchange(one.question, one.answer, one.kind) for one in _pairs(text))


def work_of(row: Row, exchanges: str) -> Work:
    """From ``work_columns`` without its last, the ticket's time limit; and from
    ``exchanges``.
    """
    labels = row[5]
    return Work(
        ticket_id=TicketId(row[0]),
        title=row[1],
        description_md=row[2],
        instructions=row[3],
        priority=PRIORITIES[row[4]],
        labels=() if labels == NO_LABELS else tuple(_strings(labels)),
        task_type=row[6],
        repo_path=row[7] or "",
        base_branch=row[8] or "",
        branch=row[9] or "",
        worktree=row[10] or "",
        model=row[11] or "",
        previous_failure=row[12],
        fresh=bool(row[13]),
        estimated_duration_s=row[14] or 0.0,
        exchanges=_exchanges(exchanges),
    )
