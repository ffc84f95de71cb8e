"""``workers/<id>.lock``: proof that this incarnation of a worker lives.

Held (flock) from the start to the end of the process; opened after the fork and
close-on-exec, so that nobody inherits it. Its text says who holds it.
"""

import fcntl
import os
import time
from pathlib import Path
from typing import Final

import msgspec

from kanban_ipc import layout
from kanban_ipc.link import ProcessId
from kanban_worker.settings import WorkerSettings

PATIENCE_S: Final = 2.0
"""A predecessor that was killed may still be on its way out."""
POLL_S: Final = 0.005
"""flock(2) has no timeout."""


class HeldByAnotherError(Exception):
    """Another incarnation lives; the text is for people."""


def take_worker_lock(settings: WorkerSettings, process: ProcessId) -> int:
    """The descriptor to keep open. Raises ``HeldByAnotherError``, ``OSError``."""
    folder = Path(settings.state_dir) / layout.WORKERS_DIR
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{settings.worker_id}{layout.WORKER_LOCK_SUFFIX}"
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    deadline = time.monotonic() + PATIENCE_S
    while not _try(descriptor):
        if time.monotonic() > deadline:
            holder = path.read_text("utf-8", "replace").strip()
            os.close(descriptor)
            raise HeldByAnotherError(
                f"the worker {settings.worker_id} is alive already: {holder or path}"
            )
        time.sleep(POLL_S)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, _text(settings, process), 0)
    return descriptor


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _text(settings: WorkerSettings, process: ProcessId) -> bytes:
    about = {
        "incarnation": settings.incarnation,
        "boot_id": process.boot_id,
        "pid": process.pid,
        "start_ticks": process.start_ticks,
    }
    return msgspec.json.encode(about) + b"\n"
