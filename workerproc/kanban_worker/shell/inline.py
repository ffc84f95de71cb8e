"""A worker in a thread of somebody else's process: the daemon's, in inline mode.

Decided here: nothing of a worker's work; it is ``worker.serve`` with a loop of its own,
on a link inside the process, with a file for its log. What differs from a process: no
signal reaches it, so its host drains it or has it let go; and a call that does not heed
its cancellation cannot end with it, so its thread stays until the process ends.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import zmq

from kanban_ipc import layout
from kanban_worker.settings import WorkerSettings
from kanban_worker.shell.identity import process_id
from kanban_worker.shell.leaving import Leaving
from kanban_worker.shell.log import Log
from kanban_worker.shell.worker import EXIT_SYSTEM, serve
from kanban_worker.shell.workerlock import HeldByAnotherError, take_worker_lock

EXIT_BROKEN: Final = 1
_LOG: Final = logging.getLogger(__name__)


class InlineWorker:
    """One start of it: ``start``, and ``drain`` or ``let_go`` from any thread."""

    def __init__(
        self,
        settings: WorkerSettings,
        context: "zmq.Context[zmq.Socket[bytes]]",
        ended: Callable[[int], None],
    ) -> None:
        """``context``: the one that the daemon's end of the link is bound in.
        ``ended``: called in the worker's thread, last, with what would be its exit
        code."""
        self._settings = settings
        self._context = context
        self._ended = ended
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wishes: list[Callable[[Leaving], None]] = []
        self._leaving: Leaving | None = None
        self._thread = threading.Thread(
            target=self._run, name=f"worker {settings.worker_id}", daemon=True
        )

    def start(self) -> None:
        """Serve, in a thread."""
        self._thread.start()

    def drain(self, deadline_s: float) -> None:
        """As the daemon's ``Drain``; again with a shorter deadline, to hurry."""
        self._wish(lambda leaving: leaving.drain(deadline_s))

    def let_go(self) -> None:
        """Leave at once: what runs goes on under its shims."""
        self._wish(lambda leaving: leaving.go(0))

    def _wish(self, wish: Callable[[Leaving], None]) -> None:
        with self._lock:
            leaving = self._leaving
            if leaving is None or self._loop is None:
                self._wishes.append(wish)
                return
            # Closed already: it has left by itself.
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(wish, leaving)

    def _begun(self, leaving: Leaving) -> None:
        with self._lock:
            self._loop = asyncio.get_running_loop()
            self._leaving = leaving
            for wish in self._wishes:
                wish(leaving)

    def _run(self) -> None:
        code = EXIT_BROKEN
        try:
            code = self._serve()
        except OSError as error:
            _LOG.error("the inline worker cannot serve: %s", error)
            code = EXIT_SYSTEM
        except Exception:  # noqa: BLE001 - the daemon goes on, and starts another
            _LOG.exception("the inline worker has failed")
        finally:
            self._ended(code)

    def _serve(self) -> int:
        own = self._settings
        process = process_id(os.getpid())
        assert process is not None, "this very process"
        path = Path(own.state_dir) / layout.LOGS_DIR / f"{own.worker_id}.log"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
            log = Log(own.worker_id, file)
            try:
                lock = take_worker_lock(own, process)
            except HeldByAnotherError as error:
                raise OSError(str(error)) from error
            try:
                work = serve(own, process, log, self._begun, self._context)
                return asyncio.run(work)
            finally:
                log.flush()
                # A wish that comes from now on is for a loop that is no more.
                with self._lock:
                    os.close(lock)
