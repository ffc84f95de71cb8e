"""A worker's row, changed by what happens to its process; pure.

Absent: when these things happen (``body``, ``member``), and the store.
"""

from msgspec.structs import replace

from kanban_ipc.link import ProcessId
from kanband.store.values import WorkerRow


def intended(row: WorkerRow, name: str, secret_sha256: str, now_ms: int) -> WorkerRow:
    """A new incarnation is about to be asked for; it has no process yet."""
    return replace(
        row,
        incarnation=name,
        secret_sha256=secret_sha256,
        boot_id="",
        pid=0,
        start_ticks=0,
        started_ms=now_ms,
    )


def guest(before: WorkerRow, now: WorkerRow) -> WorkerRow:
    """A guest as it says it is, with what is remembered of its earlier starts."""
    return replace(
        now,
        tickets_processed=before.tickets_processed,
        exit_code=before.exit_code,
        exit_signal=before.exit_signal,
        exit_reason=before.exit_reason,
        exit_at_ms=before.exit_at_ms,
        exit_lines=before.exit_lines,
    )


def living(row: WorkerRow, process: ProcessId) -> WorkerRow:
    """The incarnation is this process."""
    return replace(
        row,
        boot_id=process.boot_id,
        pid=process.pid,
        start_ticks=process.start_ticks,
    )


def process_of(row: WorkerRow) -> ProcessId | None:
    """The process that the row remembers."""
    return ProcessId(row.boot_id, row.pid, row.start_ticks) if row.pid else None


def ended(
    row: WorkerRow,
    *,
    exit_code: int | None,
    signal: int | None,
    reason: str,
    lines: list[str],
    now_ms: int,
) -> WorkerRow:
    """The process is no more; this is its last exit."""
    return replace(
        row,
        boot_id="",
        pid=0,
        start_ticks=0,
        exit_code=exit_code,
        exit_signal=signal,
        exit_reason=reason,
        exit_lines=lines,
        exit_at_ms=now_ms,
    )
