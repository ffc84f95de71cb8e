"""Workers, as a table; those that failed, with what mends them."""

from typing import Final

from kanban_ipc.control.workers import CurrentRun, LastExit, StopProof, WorkerInfo
from kanbanctl import times
from kanbanctl.output import Output
from kanbanctl.tables import Cell, Column, cells
from kanbanctl.wording import listed, plural, size

STATE_STYLES: Final = {
    "RUNNING": "good",
    "STARTING": "busy",
    "STOPPING": "busy",
    "BACKOFF": "warn",
    "UNKNOWN": "warn",
    "FATAL": "bad",
    "STOPPED": "faint",
    "EXITED": "faint",
}
IN_TROUBLE: Final = frozenset({"FATAL", "BACKOFF", "UNKNOWN"})
COLUMNS: Final = (
    Column("WORKER", flexible=True),
    Column("STATE"),
    Column("ACTIVITY", rank=2),
    Column("TICKETS", flexible=True),
    Column("RUNS", right=True, rank=6),
    Column("RESTARTS", right=True, rank=3),
    Column("SEEN", right=True, rank=4),
    Column("UP", right=True, rank=5),
    Column("MEMORY", right=True, rank=7),
    Column("PID", right=True, rank=8),
)
ONLY: Final = Column("ONLY FOR", flexible=True, rank=1)


def show_workers(output: Output, workers: list[WorkerInfo]) -> None:
    """The table, and below it a paragraph for each that is in trouble."""
    if not workers:
        output.line(
            "No workers. Start one with 'kanbanctl start-worker', or where the daemon "
            "only queues (mode standalone) with 'kanban-worker --connect'."
        )
        return
    is_narrow = all(_only(worker) == "-" for worker in workers)
    columns = COLUMNS if is_narrow else (*COLUMNS, ONLY)
    rows = [[*_row(worker), Cell(_only(worker))][: len(columns)] for worker in workers]
    output.table(columns, rows)
    for worker in workers:
        if worker.state in IN_TROUBLE:
            _show_trouble(output, worker)
    for worker in workers:
        if worker.renewal:
            output.line()
            output.line(
                f"{worker.worker_id} is replaced when it has no run: {worker.renewal}."
            )


def say_worker(output: Output, worker: WorkerInfo) -> None:
    """A line: which one, and what it is."""
    output.flowing(
        Cell(worker.worker_id, "strong"),
        Cell(worker.state, STATE_STYLES.get(worker.state, "")),
        Cell(worker.activity or ""),
        Cell("" if worker.pid is None else f"pid {worker.pid}", "faint"),
    )


def show_last_lines(output: Output, worker: WorkerInfo) -> None:
    """What it wrote before its last end."""
    for line in worker.last_exit.last_lines if worker.last_exit else []:
        output.line(f"  | {line}", "faint")


def show_in_full(output: Output, workers: list[WorkerInfo]) -> None:
    """What a table has no room for, below it: each run, what it was started for, and
    how it ended the last time (unless it is in trouble, and so was told already).
    """
    for worker in workers:
        only = _only(worker)
        last = None if worker.state in IN_TROUBLE else worker.last_exit
        if not worker.current and only == "-" and last is None:
            continue
        output.line()
        output.line(worker.worker_id, "heading")
        runs = [
            (
                f"#{run.ticket_id}",
                f"{_current(run).partition(' ')[2]} for "
                f"{times.duration(run.running_s)}: {run.title}".lstrip(),
            )
            for run in worker.current
        ]
        ended = f"{times.local(last.at_ms)}: {exit_text(last)}" if last else ""
        told = [("only for", "" if only == "-" else only), *runs]
        output.fields([*told, ("ended last", ended)])
        if last:
            show_last_lines(output, worker)


def _row(worker: WorkerInfo) -> list[Cell]:
    seen = worker.last_heartbeat_age_s
    return cells(
        Cell(worker.worker_id, "strong"),
        Cell(worker.state, STATE_STYLES.get(worker.state, "")),
        worker.activity or "-",
        ", ".join(map(_current, worker.current)) or "-",
        worker.tickets_processed,
        worker.restart_count,
        "-" if seen is None else f"{times.rough(seen)} ago",
        "-" if worker.uptime_s is None else times.rough(worker.uptime_s),
        "-" if worker.rss_bytes is None else size(worker.rss_bytes),
        "-" if worker.pid is None else worker.pid,
    )


def _only(worker: WorkerInfo) -> str:
    """What it was started for; it takes nothing else."""
    parts = [
        *(["agent " + " or ".join(worker.agents)] if worker.agents else []),
        *([f"in {worker.repo}"] if worker.repo else []),
        *(["label " + " and ".join(worker.labels)] if worker.labels else []),
    ]
    return ", ".join(parts) or "-"


def _current(run: CurrentRun) -> str:
    text = f"#{run.ticket_id}"
    if run.progress:
        text += f" {run.progress}%"
    if run.step:
        text += f" ({run.step})"
    return text if run.stale == "ok" else f"{text} {run.stale}"


def _show_trouble(output: Output, worker: WorkerInfo) -> None:
    output.line()
    style = STATE_STYLES[worker.state]
    output.line(f"{worker.worker_id} is {worker.state}{_why(worker)}.", style)
    show_last_lines(output, worker)
    if worker.state == "FATAL":
        output.line(
            f"  It is not started again by itself. Mend the cause, then: "
            f"kanbanctl reset-failed {worker.worker_id}",
        )
    elif worker.state == "UNKNOWN":
        output.line(
            "  Its process cannot be verified, so it is neither ended nor replaced. "
            f"What to do: kanbanctl why {worker.worker_id}",
        )


def _why(worker: WorkerInfo) -> str:
    text = f": {exit_text(worker.last_exit)}" if worker.last_exit else ""
    if worker.doubt:
        text = f": {worker.doubt}"
    if worker.next_start_in_s is not None:
        text += f"; next start in {times.duration(worker.next_start_in_s)}"
    return text


def exit_text(last: LastExit) -> str:
    """``exit code 1, cannot import x``."""
    how = ""
    if last.signal is not None:
        how = f"signal {last.signal}"
    elif last.code is not None:
        how = f"exit code {last.code}"
    reason = last.reason.rstrip(".")
    return ", ".join(part for part in (how, reason) if part) or "it ended"


def show_stopped(output: Output, stopped: list[StopProof]) -> None:
    """A line for each worker: what was done, and what is known of the end."""
    for proof in stopped:
        is_gone = not proof.survivors and proof.state in {"STOPPED", "EXITED", "FATAL"}
        output.pieces(
            Cell(f"{proof.worker_id} ", "strong"),
            Cell(proof.state, "" if is_gone else "warn"),
            Cell(f": {_steps(proof)}"),
        )


def _told(proof: StopProof) -> str:
    """How it was brought to leave. The patience of a drain matters when it ran out."""
    is_drain = proof.signalled[-1:] != [] and proof.signalled[-1].startswith("drain")
    if is_drain and not proof.escalated and not proof.survivors:
        return "drained"
    return ", ".join(proof.signalled) or "nothing had to be done"


def _steps(proof: StopProof) -> str:
    parts = [_told(proof)]
    if proof.escalated:
        parts.append("it did not leave when asked")
    if proof.runs_ended:
        parts.append(f"{plural(len(proof.runs_ended), 'run')} ended")
    if proof.survivors:
        parts.append(
            f"STILL THERE: process {listed([str(p) for p in proof.survivors])}"
        )
    else:
        parts.append(f"no survivors (proof: {proof.proof})")
    return "; ".join(parts)
