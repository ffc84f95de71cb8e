"""The child's side of the spawner's fork: from a copy of the spawner to a worker.

Decided here: what the child keeps of its parent: the warm modules, the environment,
and one descriptor, the secret's. Everything else is given back before the worker's
code runs: the session, signals, every descriptor. Absent: what a worker does.
"""

import faulthandler
import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final

from kanban_ipc.spawning import Spawn
from kanban_worker.settings import WorkerSettings

Worker = Callable[[WorkerSettings], int]

_SECRET_BYTES_MAX: Final = 1024
_EXIT_CRASHED: Final = 1
"""What Python itself leaves with after an unhandled exception."""
_FIRST_OWN: Final = 3
"""The lowest descriptor that is not stdin, stdout or stderr."""


def become_worker(
    wish: Spawn, secret_fd: int, worker: Worker, let_go: Callable[[], None]
) -> None:
    """Run ``worker`` in this freshly forked child and end the process; no return.

    ``let_go`` closes the spawner's objects that own descriptors: one collected later
    would close a number that is somebody else's by then.
    """
    code = _EXIT_CRASHED
    try:
        let_go()
        _own_session_and_signals()
        settings = _settings(wish, secret_fd)
        _own_descriptors(wish.log_path)
        # Asked by SIGABRT, a silent worker writes every thread's stack to its log.
        faulthandler.enable()
        gc.enable()
        _name_process(f"kanban:{wish.worker_id}")
        code = worker(settings)
    except SystemExit as leaving:
        code = _code_of(leaving)
    except BaseException:  # noqa: BLE001 - nothing may return into the spawner's loop
        traceback.print_exc()
    finally:
        _flush()
        os._exit(code)


def _own_session_and_signals() -> None:
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _settings(wish: Spawn, secret_fd: int) -> WorkerSettings:
    secret = os.pread(secret_fd, _SECRET_BYTES_MAX, 0).decode("ascii")
    return WorkerSettings(
        worker_id=wish.worker_id,
        incarnation=wish.incarnation,
        secret=secret,
        state_dir=wish.state_dir,
        link_endpoint=wish.link_endpoint,
        slots=wish.slots,
        run_scope=wish.run_scope,
    )


def _own_descriptors(log_path: str) -> None:
    """Standard streams are the null device and the log; nothing else stays open."""
    null = os.open(os.devnull, os.O_RDONLY)
    log = _opened(log_path)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.closerange(_FIRST_OWN, os.sysconf("SC_OPEN_MAX"))
    for stream in (sys.stdout, sys.stderr):
        # Lines must be in the file when the process is killed.
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]


def _opened(log_path: str) -> int:
    # Not pathlib first, here and for the name below: to run it at all copied 0.07 MiB
    # of what the worker shares with the spawner.
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    try:
        return os.open(log_path, flags, 0o600)
    except FileNotFoundError:
        Path(log_path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(log_path, flags, 0o600)


def _name_process(name: str) -> None:
    """What ``ps`` and ``top`` show; the kernel keeps 15 bytes: proc_pid_comm(5)."""
    comm = os.open("/proc/self/comm", os.O_WRONLY)
    os.write(comm, name.encode("ascii"))
    os.close(comm)


def _code_of(leaving: SystemExit) -> int:
    if leaving.code is None:
        return 0
    if isinstance(leaving.code, int):
        return leaving.code & 0xFF
    print(leaving.code, file=sys.stderr)  # noqa: T201 - as Python itself does
    return _EXIT_CRASHED


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            # A full disk must not turn a clean end into another exit code.
            continue
