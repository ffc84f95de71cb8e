"""A run's directory: its files, read and written whole, and what they say of the run.

Decided here: how the presence of files and the lock are read as one state. Absent:
what follows from it (`attach`, `reaping`, the session).

Theory. ``shim.lock`` is held, shared, by whoever is the shim or is about to become
it: its launcher first, then the shim by inheritance (or, as a service, by its own
hand while systemd's client still holds it). Whoever asks tries to take it alone.
Taken: no shim lives, and none can come to life while it is held. An answer "lost" is
made final by `bury`, which leaves ``reaped.json`` under that exclusive lock; launcher
and shim refuse a buried run. So a worker that wakes up late starts nothing.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, TypeVar

import msgspec

from kanban_ipc.layout import (
    RUN_CUTS,
    RUN_EXIT,
    RUN_REAPED,
    RUN_SHIM,
    RUN_SHIM_LOCK,
    RUN_SHIM_SPEC,
)
from kanban_ipc.words import Proof, RunId
from kanban_worker.shim import boot_id

ExitReason = Literal[
    "exited", "cancelled", "timeout", "stalled", "over_budget", "spawn_failed"
]
PRIVATE: Final = 0o600
LOCK_PAUSE_S: Final = 0.01


class ShimSpec(msgspec.Struct, frozen=True):
    """What the shim shall run. Limits of 0 are none."""

    run_id: RunId
    argv: tuple[str, ...]
    env: dict[str, str]
    """Complete environment of the agent; holds ``KANBAN_RUN_ID``, the nonce."""
    cwd: str
    run_s: float
    silence_s: float
    log_bytes: int
    grace_s: float
    boot_id: str = ""
    """Of the machine at the launch; set by the launcher, as is the next."""
    lock_fd: int = -1
    resources: dict[str, int] = {}
    """Those that are set, by the names of ``kanban_ipc.link.Resources``."""


class ShimIdentity(msgspec.Struct, frozen=True):
    """``shim.json``: both processes, as (boot, pid, start)."""

    boot_id: str
    pid: int
    start_ticks: int
    agent_pid: int
    agent_start_ticks: int
    started_ms: int
    group: str = ""
    """Folder of the control group that is the run's alone; empty: it has none."""


class ExitRecord(msgspec.Struct, frozen=True):
    """``exit.json``: how the agent ended and what the shim did about it."""

    reason: ExitReason
    code: int | None
    signal: int | None
    """With ``code`` both None: no agent ran, or it outlasted SIGKILL."""
    errno: int | None
    message: str
    agent_pid: int
    started_ms: int
    ended_ms: int
    duration_ms: int
    """By the monotonic clock; the two wall times are for people."""
    cpu_ms: int
    rss_max_bytes: int
    output_bytes: int
    """Written, whether kept or cut."""
    log_cut: bool
    leftovers_killed: int
    proof: Proof
    warned: tuple[str, ...]
    """Limits of which 90 % were used: ``run_s``, ``silence_s``, ``log_bytes``."""


class Absent(msgspec.Struct, frozen=True):
    """No such directory."""


class Prepared(msgspec.Struct, frozen=True):
    """Never launched."""


class Alive(msgspec.Struct, frozen=True):
    """A shim lives or is about to; ``identity`` is None until its agent runs."""

    identity: ShimIdentity | None


class Exited(msgspec.Struct, frozen=True):
    """Over, and recorded."""

    record: ExitRecord


class Lost(msgspec.Struct, frozen=True):
    """Launched (or buried), no shim, no record."""

    host_restarted: bool = False
    """It was launched in an earlier boot: ``host_lost`` rather than ``worker_lost``."""
    detail: str = ""


State: TypeAlias = Absent | Prepared | Alive | Exited | Lost
T = TypeVar("T")


def write_durable(path: Path, data: bytes) -> None:
    """Replace a file whole; on return it outlasts a power cut. Raises OSError."""
    spare = path.with_name(f"{path.name}.tmp")
    _write_synced(spare, data)
    spare.rename(path)
    sync_directory(path.parent)


def create_durable(path: Path, data: bytes) -> None:
    """Like `write_durable` for a name that must be new. Raises FileExistsError."""
    spare = path.with_name(f"{path.name}.tmp")
    _write_synced(spare, data)
    try:
        os.link(spare, path)
    finally:
        spare.unlink()
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable: fsync(2)."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _write_synced(path: Path, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(fd)


def write_spec(run_dir: Path, spec: ShimSpec) -> None:
    """Record the intent to launch, once. Raises FileExistsError at a second launch.

    Not by msgspec: an environment may have bytes that are no text, and Python's JSON
    alone keeps what stands for them.
    """
    data = json.dumps(msgspec.to_builtins(spec)).encode("ascii")
    create_durable(run_dir / RUN_SHIM_SPEC, data)


def read_spec(run_dir: Path) -> ShimSpec | None:
    """Read the launch intent; None where there is none that can be read."""
    try:
        values = json.loads((run_dir / RUN_SHIM_SPEC).read_bytes())
        return msgspec.convert(values, ShimSpec)
    except (FileNotFoundError, ValueError, RecursionError):
        return None


def read_identity(run_dir: Path) -> ShimIdentity | None:
    """Who the shim and its agent are, or were."""
    return _read(run_dir / RUN_SHIM, ShimIdentity)


def read_exit(run_dir: Path) -> ExitRecord | None:
    """Read the exit record. Raises msgspec.MsgspecError on a damaged one."""
    try:
        data = (run_dir / RUN_EXIT).read_bytes()
    except FileNotFoundError:
        return None
    return msgspec.json.decode(data, type=ExitRecord)


def read_cuts(run_dir: Path) -> dict[str, tuple[int, int]]:
    """Per log file the bytes [from, to) that were cut; a mark stands at ``from``."""
    return _read(run_dir / RUN_CUTS, dict[str, tuple[int, int]]) or {}


def read_reaped(run_dir: Path) -> dict[str, Any] | None:
    """Read the burial's report; None for a run that is not buried."""
    return _read(run_dir / RUN_REAPED, dict[str, Any])


def _read(path: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


@contextmanager
def no_shim(run_dir: Path, patience_s: float = 0.0) -> Iterator[bool]:
    """Try to hold the run's lock alone: True as long as no shim can exist.

    ``patience_s`` blocks for a shim that is just leaving.
    """
    fd = os.open(run_dir / RUN_SHIM_LOCK, os.O_RDWR | os.O_CREAT, PRIVATE)
    try:
        yield _alone(fd, time.monotonic() + patience_s)
    finally:
        # Said aloud: a process forked by another thread may still hold a copy of fd.
        fcntl.flock(fd, fcntl.LOCK_UN)
        os.close(fd)


def _alone(lock_fd: int, deadline: float) -> bool:
    while True:
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(LOCK_PAUSE_S)
        else:
            return True


def state_of(run_dir: Path) -> State:
    """Tell what became of a run, by its files and its lock, without waiting."""
    if not run_dir.is_dir():
        return Absent()
    said = files_say(run_dir)
    if isinstance(said, Exited) or not (run_dir / RUN_SHIM_LOCK).exists():
        return said
    with no_shim(run_dir) as none:
        # Again: the shim may have recorded its end and left since the first look.
        return files_say(run_dir) if none else Alive(read_identity(run_dir))


def files_say(run_dir: Path) -> Exited | Prepared | Lost:
    """Tell the state to whoever knows (by `no_shim`) that no shim lives."""
    try:
        record = read_exit(run_dir)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return Lost(detail=f"{RUN_EXIT} is damaged: {error}")
    if record is not None:
        return Exited(record)
    if not (run_dir / RUN_SHIM_SPEC).exists():
        buried = (run_dir / RUN_REAPED).exists()
        return Lost(detail="given up before its launch") if buried else Prepared()
    spec = read_spec(run_dir)
    restarted = spec is not None and spec.boot_id not in {"", boot_id()}
    return Lost(host_restarted=restarted, detail="no shim, and no exit record")
