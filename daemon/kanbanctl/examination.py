"""``doctor`` without a daemon: its examination is a program of its own, so it is run
from here; and what only ``kanbanctl`` knows, its own version.
"""

import subprocess
import sys

import msgspec
from msgspec.structs import replace

from kanban_ipc.control.upkeep import DoctorReply, Finding
from kanban_ipc.version import VERSION
from kanbanctl.failures import Failure, NoAnswer, TimedOut

UNSEEN = (
    "the daemon's own view, versions of the daemon and its workers, and workers in "
    "trouble: no daemon answers"
)


def without_daemon(
    failure: Failure,
    *,
    state_dir: str | None,
    config: str | None,
    timeout_s: float | None,
) -> DoctorReply:
    """What can be seen from outside. ``failure``: why there is no daemon to ask."""
    command = [sys.executable, "-m", "kanband", "--doctor"]
    for flag, value in (("--state-dir", state_dir), ("--config", config)):
        command += [flag, value] if value is not None else []
    said = _run(command, timeout_s)
    try:
        reply = msgspec.json.decode(said.stdout, type=DoctorReply)
    except msgspec.MsgspecError:
        reason = said.stderr.decode("utf-8", "replace").strip()[-500:]
        raise NoAnswer(
            f"{failure.message}\nNor could it be looked at: {reason}"
        ) from None
    if reply.daemon_runs:
        text = f"a daemon holds {reply.state_dir}, and does not answer"
        mend = f"look in its log: {reply.state_dir}/logs/daemon.log"
    else:
        text = "no daemon runs"
        mend = "start it: kanband, or systemctl --user start kanband"
    found = Finding(check="daemon", level="wrong", text=text, mend=mend)
    return replace(
        reply,
        findings=[found, *reply.findings],
        unchecked=[UNSEEN, *reply.unchecked],
    )


def _run(
    command: list[str], timeout_s: float | None
) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            command, capture_output=True, check=False, timeout=timeout_s
        )
    except subprocess.TimeoutExpired:
        raise TimedOut(
            f"the examination took longer than {timeout_s:g} s; give a longer "
            "--timeout, or none"
        ) from None


def with_ours(reply: DoctorReply) -> DoctorReply:
    """A finding more, where this program is of another version than the other side."""
    if reply.version == VERSION:
        return reply
    text = f"kanbanctl is of version {VERSION}, kanband of {reply.version}"
    mend = "install the same version of both; which -a kanband kanbanctl shows where"
    found = Finding(check="versions", level="note", text=text, mend=mend)
    return replace(reply, findings=[*reply.findings, found])
