"""Waiting for the daemon that comes after the one that has answered.

Its socket is gone for a moment, and comes back as another's: which one answers is told
by when it started.
"""

import time

from kanban_ipc.control.service import UpgradeReply
from kanban_ipc.control.status import StatusCall, StatusReply
from kanbanctl.failures import Failure, NobodyListens, TimedOut
from kanbanctl.session import Session

PAUSE_S = 0.05
"""Between two looks: nothing announces a socket that is not there yet."""


def await_successor(
    session: Session, before: UpgradeReply, timeout_s: float
) -> StatusReply:
    """Its status. Raises ``NobodyListens`` when the process has ended instead, and
    ``TimedOut``."""
    deadline = time.monotonic() + timeout_s
    # A socket may lead into another world of processes, where the pid means nothing.
    seen = _lives(before.pid)
    while time.monotonic() < deadline:
        ended = seen and not _lives(before.pid)
        status = _look(session)
        if status is not None and status.daemon.started_at_ms != before.started_at_ms:
            return status
        if ended:
            raise NobodyListens(
                f"kanband {before.installed} did not come up: process {before.pid} has "
                "ended. Agents and workers go on without it. Look in its log, then "
                "start it again: kanband, or systemctl --user start kanband."
            )
        time.sleep(PAUSE_S)
    raise TimedOut(
        f"kanband {before.installed} does not answer yet, after {timeout_s:g} s. "
        "Agents and workers go on. Look with 'kanbanctl status' and in its log."
    )


def _look(session: Session) -> StatusReply | None:
    try:
        with session.client() as client:
            return client.call("Status", StatusCall(), StatusReply)
    except Failure:
        return None


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb"):  # noqa: PTH123 - pathlib loads for 5 ms
            return True
    except OSError:
        return False
