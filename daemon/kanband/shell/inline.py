"""Inline mode: the slots as a worker in a thread of the daemon's own process.

Decided here: that it is started again when it leaves unasked, with the delays that a
worker process has, and how it is asked to leave. It joins as every guest does, over
the link (``inproc://``), with the pass's secret and its lock, so that a daemon killed
with it leaves runs that the next one's worker adopts. This is the only place where the
daemon imports the worker.

A thread cannot be killed: a call that does not heed its cancellation keeps its thread
until the daemon ends, which ``problem`` says.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Final

import zmq

from kanban_ipc.guests import Pass
from kanban_ipc.words import UnitScope, WorkerId
from kanban_worker.settings import WorkerSettings
from kanban_worker.shell.inline import InlineWorker
from kanband.config import Config
from kanband.core import backoff
from kanband.shell.incarnation import fresh_name

WORKER_ID: Final = WorkerId("inline")
"""Not ``worker-1``: a worker started by hand might have taken that meanwhile."""
_LET_GO_S: Final = 5.0
"""Its last words and its files; it waits for nothing."""
_MARGIN_S: Final = 15.0
"""Past the drain and the grace: results on their way, as ``leaving`` waits for them."""
_LOG: Final = logging.getLogger(__name__)


class Inline:
    """The worker that this daemon runs itself, one start after another."""

    def __init__(
        self,
        *,
        config: Config,
        units: UnitScope,
        joining: Pass,
        context: "zmq.Context[zmq.Socket[bytes]]",
        endpoint: str,
        jitter: Callable[[], float],
        abandon: Callable[[], None],
    ) -> None:
        """``endpoint``: where the link is bound inside of ``context``. ``abandon`` is
        told when a socket in it will not be closed."""
        self._config = config
        self._units: UnitScope = units
        self._secret = joining.secret
        self._context = context
        self._endpoint = endpoint
        self._jitter = jitter
        self._abandon = abandon
        self._loop = asyncio.get_running_loop()
        self._history = backoff.History()
        self._worker: InlineWorker | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._leaving = False
        self._gone = asyncio.Event()

    def start(self) -> None:
        """Begin to serve; it says hello when it is up."""
        self._timer = None
        self._gone.clear()
        config = self._config
        settings = WorkerSettings(
            worker_id=WORKER_ID,
            incarnation=fresh_name(),
            secret=self._secret,
            state_dir=str(config.state_dir),
            link_endpoint=self._endpoint,
            slots=config.slots,
            managed=False,
            run_scope=self._units,
        )
        self._history = backoff.running(self._history, self._loop.time())
        self._worker = InlineWorker(settings, self._context, self._ended_there)
        self._worker.start()

    async def stop(self, *, now: bool) -> None:
        """Drain it (``now``: cancel its runs) and return when it has left. May be
        called again to hurry."""
        settings = self._config.workers
        drain_s = 0.0 if now else settings.stop_timeout_s
        self._leave(lambda worker: worker.drain(drain_s))
        await self._left(drain_s + settings.grace_s + _MARGIN_S)

    async def close(self) -> None:
        """Let go of it: its runs go on."""
        self._leave(lambda worker: worker.let_go())
        if not await self._left(_LET_GO_S):
            self._abandon()

    @property
    def problem(self) -> str:
        """Threads of calls that nothing can end; empty when there are none."""
        known = threading.enumerate()
        stuck = sum(each.name.startswith("abandoned ") for each in known)
        if not stuck:
            return ""
        return (
            f"{stuck} call(s) of kind python did not heed their cancellation, and only "
            "the end of this process ends them: kanbanctl shutdown --keep-workers, "
            "then start kanband again (agents that are programs run on)"
        )

    def _leave(self, how: Callable[[InlineWorker], None]) -> None:
        self._leaving = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._worker is None:
            self._gone.set()
        else:
            how(self._worker)

    async def _left(self, patience_s: float) -> bool:
        try:
            async with asyncio.timeout(patience_s):
                await self._gone.wait()
        except TimeoutError:
            _LOG.error("the inline worker did not leave within %g s", patience_s)
            return False
        return True

    def _ended_there(self, code: int) -> None:
        """In the worker's thread, as its last deed."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ended, code)

    def _ended(self, code: int) -> None:
        self._worker = None
        self._gone.set()
        if self._leaving:
            return
        settings = self._config.workers
        policy = backoff.Policy(
            initial_s=settings.backoff_initial_s,
            max_s=settings.backoff_max_s,
            healthy_s=settings.healthy_s,
            fatal_failures=settings.fatal_failures,
            fatal_window_s=settings.fatal_window_s,
        )
        self._history = backoff.ended(self._history, self._loop.time(), policy)
        delay_s = backoff.delay_s(self._history, self._jitter(), policy)
        _LOG.warning("the inline worker has left (%d), again in %.1f s", code, delay_s)
        self._timer = self._loop.call_later(delay_s, self.start)
