"""One run of kind ``python``: a call in one of the worker's threads.

Decided here: when a call's time is up, and what happens to one that does not heed its
cancellation. Its thread cannot be ended, so the worker is replaced: the result is
put on disk, the worker takes nothing new, waits for its other calls and leaves; then
the call is really over, and the next incarnation reports the result. Other tickets
do not pay.

Nothing is written for a call that goes well. One that a predecessor began and whose
result is not on disk died with it: ``worker_lost``.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Final, assert_never

from kanban_ipc.link import (
    Assign,
    Cancel,
    Limits,
    Observation,
    Progress,
    Result,
    Started,
)
from kanban_ipc.words import Epoch, FailureClass, RunId
from kanban_worker.agents.python import (
    Call,
    CallEnded,
    CallEvent,
    CallLine,
    CallProgress,
    CallStarted,
)
from kanban_worker.core.outbox import RunBox
from kanban_worker.core.routing import Limit
from kanban_worker.shell.blocking import in_thread
from kanban_worker.shell.call_result import Times, Why, lost, returned, unheeded
from kanban_worker.shell.job import Desk, finished
from kanban_worker.shell.persistence import persist
from kanban_worker.shell.results import read_result, write_output, write_result

PROGRESS_EVERY_S: Final = 1.0


class CallJob:
    """One call: a ``Job``."""

    dies_with_worker = True
    root_pid = 0

    def __init__(self, desk: Desk, assign: Assign) -> None:
        self.run_id: RunId = assign.run_id
        self.epoch: Epoch = assign.epoch
        work = assign.work
        self.call = Call(assign.run_id, assign.epoch, assign.agent.callable, work)
        self.over = False
        self.begun = False
        self.stuck = False
        self.grace_s = assign.limits.grace_s
        self._desk = desk
        self._limits: Limits = assign.limits
        self._run_dir = assign.run_dir
        self._box: RunBox = desk.open_box(
            assign.run_id,
            assign.epoch,
            taken_over=assign.adopt,
            after=assign.last_seq,
        )
        self._stopped: FailureClass | None = None
        self._limit: Limit | None = None
        self._started_ms = 0
        self._progress = 0
        self._progress_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._result: Result | None = None
        self._dropped = False
        self._tasks: set[asyncio.Task[None]] = set()

    # ------------------------------------------------------------- its course

    def happened(self, event: CallEvent) -> None:
        """Something that its thread told."""
        if self.over:
            return
        if self._dropped:
            self._let_go(event)
            return
        match event:
            case CallStarted():
                self._start()
            case CallProgress():
                self._show(event)
            case CallLine():
                now_ms = self._desk.now_ms()
                line = self._box.line(now_ms, event.level, event.message)
                if line is not None:
                    self._desk.post(line)
            case CallEnded():
                self._ended(event)
            case _:
                assert_never(event)

    def _ended(self, event: CallEnded) -> None:
        self._stop_timer()
        result = self._result or returned(event, self._why(), self._times())
        if event.kept and result.outcome == "finished":
            self._run(self._keep_output(event.kept, result))
        else:
            self._report(result)

    async def _keep_output(self, data: bytes, result: Result) -> None:
        """Durable first; a disk that refuses is tried for as long as it does."""

        def trouble(error: Exception, pause_s: float) -> None:
            text = "The output could not be written, trying again"
            ticket = self.call.work.ticket_id
            self._desk.say("error", text, taskId=ticket, error=error, in_s=pause_s)

        run_dir = Path(self._run_dir)
        await persist(lambda: write_output(run_dir, data), trouble, whatever=True)
        if self._dropped:
            self.over = True
        else:
            self._report(result)

    def watch(self) -> None:
        """After its start: mind its wall time, unless it is over already."""
        if not self.over and self._timer is None and self._limits.run_s > 0:
            self._timer = _later(self._limits.run_s, self._time_up)

    def _let_go(self, event: CallEvent) -> None:
        if isinstance(event, CallEnded):
            self._stop_timer()
            self.over = True

    def _start(self) -> None:
        self.begun = True
        self._started_ms = self._desk.now_ms()
        message = Started(
            self.run_id, self.epoch, self._box.next_seq(), self._started_ms
        )
        self._box.keep(message)
        self._desk.post(message)

    def _show(self, event: CallProgress) -> None:
        self._progress = event.percent
        now = asyncio.get_running_loop().time()
        if now - self._progress_at >= PROGRESS_EVERY_S:
            self._progress_at = now
            self._desk.post(
                Progress(
                    self.run_id,
                    self.epoch,
                    event.percent,
                    event.step,
                    event.total_steps,
                ),
            )

    def _why(self) -> Why:
        limit_s = self._limits.run_s
        return Why(stopped=self._stopped, limit=self._limit, limit_s=limit_s)

    def _times(self) -> Times:
        now_ns = time.monotonic_ns()
        return Times(
            started_ms=self._started_ms,
            ended_ms=self._desk.now_ms(),
            duration_ms=(now_ns - (self.call.started_ns or now_ns)) // 1_000_000,
        )

    def _report(self, result: Result) -> None:
        self._stop_timer()
        self._result = result
        self.over = True
        message = finished(self._box, self._desk.now_ms(), result)
        self._desk.report(self.call.work.ticket_id, message)

    # ---------------------------------------------------------------- its end

    def _time_up(self) -> None:
        self._limit = "wall_time"
        self._ask(self._limits.grace_s)

    def cancel(self, order: Cancel) -> None:
        """See ``Job``."""
        if self.over or self._stopped is not None:
            return
        self._stopped = order.failure
        self._ask(order.grace_s)

    def drop(self) -> None:
        """See ``Job``."""
        self._dropped = True
        if not self.over:
            self._ask(self._limits.grace_s)

    def _ask(self, grace_s: float) -> None:
        self.call.cancelled = True
        self._stop_timer()
        self._timer = _later(grace_s, self._stuck)

    def _stuck(self) -> None:
        if self.over:
            return
        self.stuck = True
        ticket = self.call.work.ticket_id
        why = f"the call of ticket {ticket} did not heed its cancellation"
        if not self._dropped:
            self._result = unheeded(self._why(), self._times())
        self._run(self._give_up(why))

    async def _give_up(self, why: str) -> None:
        if self._result is not None and not self._dropped:
            await self._write(self._result)
        self._desk.recycle(why)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # ------------------------------------------------------- a predecessor's call

    def adopt(self, *, cancelled: bool) -> None:
        """Report what became of it."""
        self.begun = True
        self._run(self._adopt(cancelled=cancelled))

    async def _adopt(self, *, cancelled: bool) -> None:
        found = await in_thread(lambda: read_result(Path(self._run_dir)))
        if found is None:
            found = lost(self._stopped or ("cancelled" if cancelled else None))
        if self._dropped:
            self.over = True
        else:
            self._report(found)

    # ------------------------------------------------------------------ the rest

    def observe(self) -> Observation:
        """See ``Job``."""
        return Observation(
            run_id=self.run_id,
            epoch=self.epoch,
            stage="finished" if self.over else "running",
            alive=not self.over,
            progress=self._progress,
        )

    def measured(self, cpu_ms: int, rss_bytes: int) -> None:
        """It has no process of its own."""

    def acknowledged(self) -> None:
        """Nothing is kept."""

    def keep(self) -> None:
        """See ``Job``."""
        if self._result is not None:
            write_result(Path(self._run_dir), self._result)

    async def _write(self, result: Result) -> None:
        try:
            await in_thread(lambda: write_result(Path(self._run_dir), result))
        except OSError as error:
            text = "The result could not be written, it will be reported lost"
            self._desk.say("error", text, taskId=self.call.work.ticket_id, error=error)

    def _run(self, course: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(course)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _later(seconds: float, action: Callable[[], None]) -> asyncio.TimerHandle:
    return asyncio.get_running_loop().call_later(seconds, action)
