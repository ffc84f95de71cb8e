"""A worker's life: lock, signals, link, desk, leave.

Decided here: what signals mean. SIGTERM drains, a second one hurries; SIGINT is not for
a managed worker (a terminal sends it to everybody), and is as SIGTERM to one that was
started by hand; SIGABRT writes every thread's stack to the
log and ends the process: the daemon asks so before it kills a silent worker.

Exit codes: 0 left on purpose, 2 refused by the daemon, 100 its id is in use, 111 the
system failed.
"""

import asyncio
import faulthandler
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Final

import zmq

from kanban_ipc.link import ProcessId, identity
from kanban_worker.settings import WorkerSettings
from kanban_worker.shell.desk import Desk
from kanban_worker.shell.identity import process_id
from kanban_worker.shell.leaving import Leaving
from kanban_worker.shell.link import Link
from kanban_worker.shell.log import Log
from kanban_worker.shell.workerlock import HeldByAnotherError, take_worker_lock

EXIT_IN_USE: Final = 100
EXIT_SYSTEM: Final = 111


def run_worker(settings: WorkerSettings) -> int:
    """Serve until drained, refused or left alone; return the exit code.

    Takes over signal handling; to be called in the main thread, once for a process.
    """
    faulthandler.enable(all_threads=True)
    log = Log(settings.worker_id)
    process = process_id(os.getpid())
    assert process is not None, "this very process"
    try:
        lock = take_worker_lock(settings, process)
    except HeldByAnotherError as error:
        return _failed(log, str(error), EXIT_IN_USE)
    except OSError as error:
        return _failed(log, f"the worker's lock cannot be taken: {error}", EXIT_SYSTEM)
    try:

        def begun(leaving: Leaving) -> None:
            _signals(leaving, managed=settings.managed)

        return asyncio.run(serve(settings, process, log, begun))
    finally:
        log.flush()
        sys.stderr.flush()
        os.close(lock)


def _failed(log: Log, text: str, code: int) -> int:
    log.line("error", text)
    log.flush()
    return code


def _signals(leaving: Leaving, *, managed: bool) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, leaving.terminated)
    # Not SIG_IGN: that would be inherited by every program started from here.
    on_interrupt = (lambda: None) if managed else leaving.terminated
    loop.add_signal_handler(signal.SIGINT, on_interrupt)


async def serve(
    settings: WorkerSettings,
    process: ProcessId,
    log: Log,
    begun: Callable[[Leaving], None],
    context: "zmq.Context[zmq.Socket[bytes]] | None" = None,
) -> int:
    """Work until it is time to leave; the exit code.

    ``begun`` is told who decides about that. ``context``: of a link inside of this
    process; None: the worker makes its own.
    """
    log.soon(asyncio.get_running_loop())
    desk = Desk(settings, process, log)
    own_identity = identity(settings.worker_id, settings.incarnation)
    link = Link(settings.link_endpoint, own_identity, desk, time.monotonic, context)
    desk.open(link)
    begun(desk.leaving)
    log.line("info", "Started", pid=process.pid, slots=settings.slots)
    try:
        return await desk.leaving.done
    finally:
        desk.close()
        link.close()
