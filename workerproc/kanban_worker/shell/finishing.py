"""From the end of a program to its run's result.

Decided here: what an exit record means to the routing table, and that only a good end
is harvested: on any other the worktree stays as it is, for the retry. Doing it again
after a kill gives the same result.

Blocking: called in a thread. Raises ``DiskFull`` and ``OSError`` (try again later) and
``Interrupted``; every other trouble becomes the result.
"""

import signal
import time
from pathlib import Path
from typing import Final

import msgspec

from kanban_ipc import layout
from kanban_ipc.link import Assign, Result
from kanban_ipc.words import FailureClass, Proof
from kanban_worker.agents.kinds import PROGRAMS
from kanban_worker.agents.python import plain
from kanban_worker.core.changes import Changes
from kanban_worker.core.obstacles import lasts
from kanban_worker.core.routing import Ended, Told, Verdict, route
from kanban_worker.git.command import DiskFull, Git, GitBusy, GitError, Interrupted
from kanban_worker.git.harvest import Harvest, harvest
from kanban_worker.git.worktree import Workspace
from kanban_worker.shell.preparing import Places
from kanban_worker.shell.rundir import ExitRecord

STOPPED_FROM_OUTSIDE: Final[FailureClass] = "shutdown"
"""The shim was told to end by somebody else: by systemd, or the machine goes down."""


BUSY_PAUSES_S: Final = (0.2, 2.0)
"""A user's git holds its locks for moments; who finds them held longer runs again."""


class End(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of a run's end."""

    ended: Ended
    proof: Proof
    record: ExitRecord | None = None
    leftovers_killed: int = 0


def end_of_record(
    assign: Assign, record: ExitRecord, order: FailureClass | None
) -> End:
    """``order``: the class of an order to end it, if there was one."""
    ended = Ended(
        stopped=(order or STOPPED_FROM_OUTSIDE)
        if record.reason == "cancelled"
        else None,
        exit_code=record.code,
        exit_class=assign.agent.exit_codes.get(record.code)
        if record.code is not None
        else None,
        signal=record.signal,
        signal_name=_signal_name(record.signal),
    )
    if record.reason == "timeout":
        ended = _limited(ended, limit="wall_time", limit_s=assign.limits.run_s)
    elif record.reason == "stalled":
        ended = _limited(ended, limit="silence", limit_s=assign.limits.silence_s)
    elif record.reason == "over_budget":
        told = Told(failure="over_budget", message=record.message)
        ended = _limited(ended, told=told)
    elif record.reason == "spawn_failed":
        never = lasts(record.errno)
        message = {"launch_error" if never else "put_off": record.message}
        ended = _limited(ended, **message)
    return End(
        ended=ended,
        proof=record.proof,
        record=record,
        leftovers_killed=record.leftovers_killed,
    )


def _limited(ended: Ended, **changes: object) -> Ended:
    return msgspec.structs.replace(ended, **changes)


def _signal_name(number: int | None) -> str:
    if number is None:
        return ""
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def finish(
    git: Git, places: Places, assign: Assign, workspace: Workspace | None, end: End
) -> Result:
    """See the module."""
    run_dir = Path(assign.run_dir)
    told = _told(assign, run_dir, end)
    ended = msgspec.structs.replace(end.ended, told=told)
    verdict = route(ended)
    reaped: Harvest | None = None
    if verdict.outcome == "finished" and workspace is not None:
        try:
            patch = run_dir / layout.RUN_DIFF
            message = _commit_message(assign, told)
            reaped = _harvest(git, places, workspace, message, patch)
        except (DiskFull, Interrupted):
            raise
        except GitError as error:
            verdict = _not_harvested(workspace, error)
        else:
            unchanged = assign.agent.expects_change and not reaped.changed
            verdict = route(msgspec.structs.replace(ended, unchanged=unchanged))
    return _result(end, verdict, told, workspace, reaped)


def _harvest(
    git: Git, places: Places, workspace: Workspace, message: str, patch: Path
) -> Harvest:
    for pause_s in BUSY_PAUSES_S:
        try:
            return harvest(git, places.repo_locks, workspace, message, patch)
        except GitBusy:
            time.sleep(pause_s)
    return harvest(git, places.repo_locks, workspace, message, patch)


def _told(assign: Assign, run_dir: Path, end: End) -> Told:
    if end.record is None or end.ended.told.failure is not None:
        return end.ended.told
    stdout, stderr = run_dir / layout.RUN_STDOUT, run_dir / layout.RUN_STDERR
    return PROGRAMS[assign.agent.kind].told(stdout, stderr)


def _commit_message(assign: Assign, told: Told) -> str:
    work = assign.work
    title = " ".join(work.title.split())
    about = f"Ticket {work.ticket_id}, run {assign.run_id}, agent {assign.agent.name}."
    parts = (title, told.summary_md.strip(), about)
    return "\n\n".join(part for part in parts if part) + "\n"


def _not_harvested(workspace: Workspace, error: GitError) -> Verdict:
    message = (
        f"the agent ended well, but its work could not be committed: {error}; "
        f"it is still in {workspace.path}"
    )
    busy = isinstance(error, GitBusy)
    return Verdict("error", "deferred" if busy else "agent_error", message)


def _message(
    verdict: Verdict, workspace: Workspace | None, reaped: Harvest | None
) -> str:
    """Also what was unusual about the worktree, as it may name a branch with work."""
    before = workspace.notes if workspace else ()
    after = reaped.notes if reaped else ()
    return "; ".join(part for part in (verdict.message, *before, *after) if part)


def _result(
    end: End,
    verdict: Verdict,
    told: Told,
    workspace: Workspace | None,
    reaped: Harvest | None,
) -> Result:
    changes = reaped.changes if reaped else Changes()
    result = Result(
        outcome=verdict.outcome,
        failure=verdict.failure,
        message=plain(_message(verdict, workspace, reaped)),
        summary_md=told.summary_md,
        branch=reaped.branch if reaped else workspace.branch if workspace else "",
        worktree=workspace.path if workspace and not workspace.in_place else "",
        head_before=workspace.head if workspace else "",
        head_after=reaped.head if reaped else "",
        files_changed=changes.files,
        files_changed_count=changes.files_count,
        insertions=changes.insertions,
        deletions=changes.deletions,
        leftovers_killed=end.leftovers_killed,
        proof=end.proof,
        retry_after_s=told.retry_after_s if verdict.failure == "rate_limited" else 0,
    )
    record = end.record
    if record is None or record.reason == "spawn_failed":
        return result
    return msgspec.structs.replace(
        result,
        exit_code=record.code,
        signal=record.signal,
        output_bytes=record.output_bytes,
        log_cut=record.log_cut,
        cpu_ms=record.cpu_ms,
        rss_max_bytes=record.rss_max_bytes,
        agent_started_ms=record.started_ms,
        agent_ended_ms=record.ended_ms,
        duration_ms=record.duration_ms,
    )
