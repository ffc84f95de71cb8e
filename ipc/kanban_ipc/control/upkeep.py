"""Care for what lies on disk: look at it, copy it, free it."""

from typing import Final, Literal

from kanban_ipc.control.base import Call, Data, Method, Reply


class Finding(Data, frozen=True, kw_only=True):
    check: str
    """What was looked at, such as ``store``."""
    level: Literal["ok", "note", "wrong"]
    text: str
    mend: str
    """The command that mends it; empty: nothing is to be done."""


class DoctorCall(Call, frozen=True, kw_only=True):
    pass


class DoctorReply(Reply, frozen=True, kw_only=True):
    version: str
    """Of what is installed."""
    state_dir: str
    daemon_runs: bool
    """A process holds the state directory."""
    findings: list[Finding]
    unchecked: list[str]
    """What could not be looked at, and why."""


class BackupCall(Call, frozen=True, kw_only=True):
    path: str
    """Absolute; of a file that is not there."""


class BackupReply(Reply, frozen=True, kw_only=True):
    path: str
    size_bytes: int
    tickets: int
    last_seq: int
    """The journal's head at the moment that was copied."""


class Freed(Data, frozen=True, kw_only=True):
    kind: str
    """``run``, ``worktree``, ``log``."""
    path: str
    size_bytes: int
    text: str
    """Whose it was."""


class Kept(Data, frozen=True, kw_only=True):
    kind: str
    path: str
    reason: str


class GcCall(Call, frozen=True, kw_only=True):
    dry_run: bool = False
    keep_s: float = 2_592_000.0
    """Everything that is younger stays; the default is 30 days."""
    keep_bytes: int | None = None
    """Of runs; beyond it the oldest go although they are younger."""


class GcReply(Reply, frozen=True, kw_only=True):
    dry_run: bool
    freed: list[Freed]
    """With ``dry_run``: what would be."""
    kept: list[Kept]
    """What nobody needs, and stays for a reason."""
    freed_bytes: int
    journal_entries: int
    """That went, or would go."""
    journal_base: int
    """Cursors before it have expired."""


PART: Final[dict[str, Method]] = {
    "Doctor": Method(DoctorCall, DoctorReply),
    "Backup": Method(BackupCall, BackupReply),
    "Gc": Method(GcCall, GcReply),
}
