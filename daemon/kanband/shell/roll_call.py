"""The fleet as people see it: a line for each worker, and what needs attention.

Absent: everything that changes something.
"""

import socket
from collections.abc import Callable, Mapping, Sequence

from kanban_ipc.control import LastExit, WorkerInfo
from kanban_ipc.words import Activity, WorkerState
from kanband.core import roster, workers
from kanband.shell.crew import Ground
from kanband.shell.identity import uptime_s
from kanband.shell.member import Member
from kanband.shell.sampling import Sampler
from kanband.store.values import WorkerRow


class RollCall:
    """Calls the members by name, in natural order."""

    def __init__(self, members: Mapping[str, Member]) -> None:
        """``members`` is looked at anew each time."""
        self._members = members
        self._sampler = Sampler()
        self._host = socket.gethostname()

    def infos(
        self,
        worker_ids: Sequence[str],
        ground: Ground,
        why_renewed: Callable[[Member], str],
    ) -> list[WorkerInfo]:
        """One for each of these; none named: all. Unknown ids have none."""
        alive = {m.process for m in self._members.values() if m.process is not None}
        self._sampler.forget_all_but(alive)
        names = [n for n in worker_ids or self._members if n in self._members]
        return [
            self._info(self._members[name], ground, why_renewed)
            for name in sorted(names, key=roster.natural)
        ]

    def problems(self) -> list[str]:
        """FATAL and UNKNOWN workers, and those without a process that should have one;
        each with the next step."""
        found = []
        for name in sorted(self._members, key=roster.natural):
            member = self._members[name]
            if member.state == "FATAL":
                found.append(_fatal(member.row))
            elif member.state == "UNKNOWN":
                found.append(_unknown(member))
            elif member.hindered and member.wanted == "run":
                found.append(
                    f"{name} could not be started: {member.hindered}. It is tried "
                    "again, at least twice a minute, until it can be"
                )
            elif member.row.guest and not member.by_hand and member.body.put_down:
                found.append(_stuck(member))
        return found

    def _info(
        self, member: Member, ground: Ground, why_renewed: Callable[[Member], str]
    ) -> WorkerInfo:
        row, dispatch = member.row, ground.dispatch
        now = ground.clock.monotonic()
        process = member.process
        age_s = usage = None
        if process is not None:
            age_s = uptime_s(process)
            usage = self._sampler.usage(process, now, age_s)
        alive = row.state in workers.ALIVE
        current = dispatch.current(row.worker_id)
        return WorkerInfo(
            worker_id=row.worker_id,
            pid=None if process is None else process.pid,
            host=self._host,
            state=row.state,
            activity=_activity(
                row.state,
                busy=bool(current),
                draining=member.recycles or dispatch.spared(row.worker_id) == "wholly",
            ),
            wanted=row.wanted,
            connected=alive and dispatch.connected(row.worker_id),
            slots=row.slots,
            uptime_s=None if age_s is None else round(age_s, 3),
            restart_count=row.restart_count,
            tickets_processed=row.tickets_processed,
            current=current,
            last_heartbeat_age_s=dispatch.heard_age_s(row.worker_id),
            next_start_in_s=_wait_s(member.starts_at, now),
            last_exit=_last_exit(row),
            rss_bytes=None if usage is None else usage.rss_bytes,
            cpu_percent=None if usage is None else usage.cpu_percent,
            agents=row.agents,
            repo=row.repo_path,
            by_hand=member.by_hand,
            labels=row.labels,
            doubt=member.doubt,
            version=dispatch.version(row.worker_id),
            renewal=why_renewed(member),
        )


def _wait_s(starts_at: float | None, now: float) -> float | None:
    return None if starts_at is None else round(max(0.0, starts_at - now), 3)


def _activity(state: WorkerState, *, busy: bool, draining: bool) -> Activity | None:
    if state == "STOPPING" or draining:
        return "draining"
    if state == "RUNNING":
        return "busy" if busy else "idle"
    return None


def _last_exit(row: WorkerRow) -> LastExit | None:
    if row.exit_at_ms is None:
        return None
    return LastExit(
        code=row.exit_code,
        signal=row.exit_signal,
        reason=row.exit_reason,
        at_ms=row.exit_at_ms,
        last_lines=row.exit_lines,
    )


def _fatal(row: WorkerRow) -> str:
    name, lines = row.worker_id, row.exit_lines
    last = f"; its last words: {lines[-1]}" if lines else ""
    return (
        f"{name} is FATAL: too many starts failed in a row ({row.exit_reason}){last}. "
        f"See kanbanctl logs {name}, mend it, then kanbanctl reset-failed {name}"
    )


def _stuck(member: Member) -> str:
    return (
        f"the worker in this process does not answer ({member.body.put_down}); only a "
        "new daemon has a new one: kanbanctl shutdown --keep-workers, then kanband"
    )


def _unknown(member: Member) -> str:
    name, process = member.worker_id, member.process
    if process is None:
        then = (
            f"find what holds workers/{name}.lock (fuser, lslocks) and end it, then "
            f"kanbanctl reset-failed {name}"
        )
    else:
        then = (
            f"look at process {process.pid}, then say what it is: kanbanctl "
            f"reset-failed {name} --end if it may be ended, --disown if it is not the "
            "worker"
        )
    return (
        f"{name} is UNKNOWN: {member.doubt}. It is neither killed nor started a second "
        f"time: {then}"
    )
