"""Runs: a table, and one in full."""

from typing import Any, Final

import msgspec

from kanban_ipc.control.runs import Run, RunShowReply
from kanban_ipc.words import Proof
from kanbanctl import times
from kanbanctl.output import Output
from kanbanctl.tables import Cell, Column, cells
from kanbanctl.views.tickets import show_question
from kanbanctl.wording import plural, short_run, size

STATUS_STYLES: Final = {
    "queued": "busy",
    "running": "busy",
    "finished": "good",
    "error": "bad",
    "aborted": "warn",
}
LEVEL_STYLES: Final = {"debug": "faint", "warn": "warn", "error": "bad"}
PROOFS: Final[dict[Proof, str]] = {
    "cgroup": "cgroup: the kernel says that nothing of it is left",
    "subreaper": "subreaper: its last process was seen to go",
    "sweep": "sweep: nothing of it was found, which is evidence rather than proof",
    "none": "none: it is not established that nothing of it is left",
}
FILES_SHOWN: Final = 20
OUTPUT_LINES_SHOWN: Final = 40
COLUMNS: Final = (
    Column("RUN", rank=1),
    Column("TICKET", right=True),
    Column("STATUS"),
    Column("TRY", right=True, rank=5),
    Column("WORKER", rank=4),
    Column("AGENT", rank=6),
    Column("TOOK", right=True, rank=3),
    Column("BEGUN", right=True, rank=2),
    Column("TITLE", flexible=True),
)


OF_TICKET: Final = tuple(
    (place, column)
    for place, column in enumerate(COLUMNS)
    if column.title not in {"TICKET", "TITLE"}
)
"""Where the ticket is above the table already."""


def show_runs(output: Output, runs: list[Run], now_ms: int) -> None:
    """A table."""
    output.table(COLUMNS, [_row(run, now_ms) for run in runs])


def show_runs_of_ticket(output: Output, runs: list[Run], now_ms: int) -> None:
    """A table without what all of them have in common."""
    rows = [_row(run, now_ms) for run in runs]
    output.table(
        [column for _, column in OF_TICKET],
        [[row[place] for place, _ in OF_TICKET] for row in rows],
    )


def _row(run: Run, now_ms: int) -> list[Cell]:
    begun_ms = run.queued_at_ms if run.started_at_ms is None else run.started_at_ms
    return cells(
        short_run(run.id),
        f"#{run.ticket_id}",
        _status_cell(run),
        run.attempt,
        run.worker_id,
        run.agent,
        _took(run),
        times.ago(begun_ms, now_ms),
        run.title,
    )


def _status_cell(run: Run) -> Cell:
    text: str = run.failure or run.status
    if run.status == "running" and run.progress:
        text = f"running {run.progress}%"
    return Cell(text, STATUS_STYLES.get(run.status, ""))


def _took(run: Run) -> str:
    return "-" if run.duration_s is None else times.duration(run.duration_s)


def show_run(output: Output, reply: RunShowReply, now_ms: int) -> None:
    """Everything that a person may want to know about it."""
    run, log = reply.run, reply.log
    output.pieces(Cell(f"Run {run.id}", "strong"))
    output.fields(
        [
            ("ticket", f"#{run.ticket_id} {run.title}"),
            ("status", Cell(_status_text(run), _status_cell(run).style)),
            ("message", run.message),
            ("step", step_text(run.step, run.current_step, run.total_steps)),
            ("attempt", f"{run.attempt} (epoch {run.epoch})"),
            ("worker", run.worker_id),
            ("agent", run.agent),
            ("queued", times.ago(run.queued_at_ms, now_ms)),
            ("started", _moment(run.started_at_ms, now_ms)),
            ("ended", _moment(run.ended_at_ms, now_ms)),
            *_measured(run, now_ms),
            ("left over", _leftovers(run)),
            ("proof", PROOFS[run.proof] if run.ended_at_ms else ""),
            ("branch", run.branch or ""),
            ("worktree", run.worktree or ""),
            ("commits", _commits(run)),
            ("files", run.run_dir),
        ],
    )
    _show_changes(output, run)
    if run.summary_md.strip():
        output.line()
        output.line("Summary", "heading")
        output.line(run.summary_md.rstrip())
    if run.question is not None:
        output.line()
        show_question(output, run.question, now_ms)
    _show_result(output, reply.result or {})
    if log:
        output.line()
        output.line("Log", "heading")
    for line in log:
        output.line(
            f"{times.local(line.ts_ms)} {line.level:<5} {line.message}",
            LEVEL_STYLES.get(line.level, ""),
        )


def _show_result(output: Output, result: dict[str, Any]) -> None:
    metrics = result.get("metrics")
    if metrics:
        output.line()
        output.line("Metrics", "heading")
        for name, number in metrics.items():
            output.line(f"  {name} = {number:g}")
    if result.get("output") is not None:
        output.line()
        output.line("Output", "heading")
        text = msgspec.json.format(msgspec.json.encode(result["output"]), indent=2)
        lines = text.decode().splitlines()
        for line in lines[:OUTPUT_LINES_SHOWN]:
            output.line(line)
        if len(lines) > OUTPUT_LINES_SHOWN:
            output.line(f"and {len(lines) - OUTPUT_LINES_SHOWN:,} lines more: --json")


def step_text(step: str, current: int, total: int) -> str:
    """``2 of 5, Testing``, as far as it was said."""
    number = f"{current} of {total}" if current and total else str(current or "")
    return ", ".join(part for part in (number, step) if part)


def _moment(ms: int | None, now_ms: int) -> str:
    return "" if ms is None else times.ago(ms, now_ms)


def _status_text(run: Run) -> str:
    parts: list[str] = [run.status]
    if run.failure:
        parts.append(run.failure)
    if run.exit_code is not None:
        parts.append(f"exit code {run.exit_code}")
    if run.signal is not None:
        parts.append(f"signal {run.signal}")
    if run.status == "running":
        parts.append(f"{run.progress}%")
    return ", ".join(parts)


def _measured(run: Run, now_ms: int) -> list[tuple[str, str]]:
    """What is known when it has ended; until then how long it runs."""
    if run.ended_at_ms is None:
        if run.started_at_ms is None:
            return []
        return [("running", times.duration((now_ms - run.started_at_ms) / 1000))]
    if run.duration_s is None:
        return [("took", "nothing: its agent was not started")]
    return [
        ("took", _took(run)),
        ("used", f"{times.duration(run.cpu_ms / 1000)} of CPU, {_memory(run)}"),
        ("output", size(run.output_bytes) + (", cut" if run.log_cut else "")),
    ]


def _memory(run: Run) -> str:
    return f"{size(run.rss_max_bytes)} of memory at most"


def _leftovers(run: Run) -> str:
    if not run.leftovers_killed:
        return ""
    return f"{plural(run.leftovers_killed, 'process', 'processes')} killed at the end"


def _commits(run: Run) -> str:
    if not (run.head_before and run.head_after):
        return ""
    return f"{run.head_before[:12]} → {run.head_after[:12]}"


def _show_changes(output: Output, run: Run) -> None:
    if not run.files_changed_count:
        return
    output.line()
    count = plural(run.files_changed_count, "file")
    output.line(f"{count} changed, +{run.insertions:,} -{run.deletions:,}", "heading")
    for change in run.files_changed[:FILES_SHOWN]:
        output.line(f"  {change}")
    hidden = run.files_changed_count - min(len(run.files_changed), FILES_SHOWN)
    if hidden > 0:
        output.line(f"  and {hidden:,} more: kanbanctl run diff {run.ticket_id}")


def say_run(output: Output, run: Run) -> None:
    """One line about how a run was ended."""
    output.pieces(
        Cell(f"run {short_run(run.id)} of #{run.ticket_id} "),
        _status_cell(run),
        Cell(f"; proof {PROOFS[run.proof]}" if run.ended_at_ms else ""),
    )
