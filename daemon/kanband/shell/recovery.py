"""What a starting daemon finds: each remembered worker is adopted, dead or in doubt.

The shell of ``core.adoption``: it looks at the spawner's word, at lock files and at
processes, and reports the verdict to the member. Absent: the verdict, and restarts.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from kanban_ipc import layout
from kanban_ipc.spawning import Exited, Ready
from kanban_ipc.words import WorkerId
from kanband.core.adoption import Child, Remembered, Verdict, judge
from kanband.shell.identity import lives, process_id, read_lock
from kanband.shell.member import Member
from kanband.shell.worker_rows import process_of
from kanband.store.values import WorkerRow


def recover(
    members: Sequence[tuple[Member, WorkerRow]],
    ready: Ready | None,
    kept: Mapping[str, Exited],
    state_dir: Path,
) -> None:
    """Decide each member's state. ``members`` with their rows as they were stored;
    ``ready``: what a living spawner says; ``kept``: ends it has told, by incarnation.
    """
    children = _children(ready)
    for member, row in members:
        verdict = _look(row, children.get(row.worker_id), state_dir)
        _report(member, row, verdict, kept.get(row.incarnation))


def look_again(member: Member, state_dir: Path) -> None:
    """A worker in doubt: may be it can be proven now, or has ended unseen."""
    verdict = _look(member.row, None, state_dir)
    if verdict.event == "dead":
        member.doubt_ended()
    elif verdict.event == "found" and verdict.process is not None:
        member.found(verdict.process, said_hello=True)
    else:
        member.doubted(verdict.process, verdict.reason)


def _children(ready: Ready | None) -> dict[WorkerId, Child]:
    found = {}
    for worker_id, incarnation, pid in ready.workers if ready else ():
        process = process_id(pid)
        if process is not None:
            found[worker_id] = Child(incarnation, process)
    return found


def _look(row: WorkerRow, child: Child | None, state_dir: Path) -> Verdict:
    process = process_of(row)
    memory = Remembered(
        incarnation=row.incarnation,
        process=process,
        lives=process is not None and lives(process),
    )
    name = f"{row.worker_id}{layout.WORKER_LOCK_SUFFIX}"
    lock = read_lock(state_dir / layout.WORKERS_DIR / name)
    return judge(memory, child, lock)


def _report(
    member: Member, row: WorkerRow, verdict: Verdict, end: Exited | None
) -> None:
    if verdict.event == "found" and verdict.process is not None:
        said_hello = row.state in {"RUNNING", "STOPPING"}
        member.found(verdict.process, said_hello=said_hello)
    elif verdict.event == "doubted":
        member.doubted(verdict.process, verdict.reason)
    elif row.pid or end is not None:
        member.lost(end)
