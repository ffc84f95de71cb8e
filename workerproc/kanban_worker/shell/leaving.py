"""When a worker leaves, and with which words.

Theory. Three ways out, each begun once:

* *drain*: nothing new; past the deadline what still runs is cancelled as ``shutdown``,
  and so is what it then takes over; it leaves when nothing runs and every result is
  acknowledged (or the daemon has not answered for ``ACK_PATIENCE_S``: what is not
  acknowledged is on disk);
* *recycle*: a call does not heed its cancellation. As drain, but only calls, which die
  with the worker, are waited for: shims outlive it, the next incarnation adopts them;
* *away*: idle, managed, and the daemon was not heard of for ``away_exit_s``. It is
  counted in beats of the worker's own loop: one that was itself stopped for an hour
  does not believe that the daemon was away for an hour.

Of a departure that it was not asked for by the daemon it tells the daemon at once, by
another ``Hello``: until then it is given runs, and gives them back.

``go`` is for what leaves no choice.
"""

import asyncio
from collections.abc import ValuesView
from typing import Final, Literal, Protocol, TypeAlias

from kanban_ipc.link import Cancel, Goodbye, Hello
from kanban_worker.shell.job import Job
from kanban_worker.shell.voice import Voice

ACK_PATIENCE_S: Final = 5.0
"""A commit takes milliseconds, a daemon's restart a second or two."""
DRAIN_S: Final = 60.0
"""By SIGTERM: the default of ``stop_timeout_s``, as nobody told another."""

Reason: TypeAlias = Literal["drained", "stopped", "daemon_away", "recycled"]


class Centre(Voice, Protocol):
    """The desk, as far as leaving needs it."""

    def hello(self) -> Hello:
        """What is to be known of this worker."""


class Leaving:
    """Decides the end of a worker's life; ``done`` has its exit code then."""

    def __init__(self, voice: Centre, jobs: ValuesView[Job]) -> None:
        """``jobs``: a live view of the runs in hand."""
        self._voice = voice
        self._jobs = jobs
        self._loop = asyncio.get_running_loop()
        self._reason: Reason | None = None
        self._recycling = False
        self._overdue = False
        self._deadline: asyncio.TimerHandle | None = None
        self._patience: asyncio.TimerHandle | None = None
        self.done: asyncio.Future[int] = self._loop.create_future()

    @property
    def begun(self) -> bool:
        """Whether nothing new is taken any more."""
        return self._reason is not None or self.done.done()

    def drain(self, deadline_s: float) -> None:
        """See the module. A second order sets a new deadline."""
        if self._reason is None:
            self._voice.say("info", "Draining", deadline=f"{deadline_s:g}s")
            self._reason = "drained"
        if self._deadline is not None:
            self._deadline.cancel()
        self._overdue = False
        self._deadline = self._loop.call_later(deadline_s, self._cancel_all)
        self.check()

    def terminated(self) -> None:
        """SIGTERM: drain; a second one hurries."""
        begun = self.begun
        self.drain(0.0 if begun else DRAIN_S)
        if not begun:
            self._tell()

    def recycle(self, why: str) -> None:
        """See the module. A worker that drains goes on with that."""
        self._voice.say("warn", "Recycling", why=why)
        self._recycling = True
        begun, self._reason = self.begun, self._reason or "recycled"
        self.check()
        if not begun:
            self._tell()

    def _tell(self) -> None:
        if not self.done.done():
            self._voice.post(self._voice.hello())

    def away(self, silent_s: float) -> None:
        """The daemon was silent for longer than an idle worker waits."""
        if self._reason is None and all(job.over for job in self._jobs):
            self._voice.say("info", "The daemon is away", silent=f"{silent_s:.0f}s")
            self._leave("daemon_away")

    def check(self) -> None:
        """Something has ended: leave if that was the last."""
        if self._reason is None or self.done.done() or self._awaited():
            return
        if self._recycling or not self._jobs:
            self._leave(self._reason)
        elif self._patience is None:
            leave = self._leave
            self._patience = self._loop.call_later(ACK_PATIENCE_S, leave, self._reason)

    def _awaited(self) -> bool:
        """Whether something still runs that the worker waits for."""
        running = (job for job in self._jobs if not job.over and not job.stuck)
        if self._reason == "drained":
            return any(running)
        return any(job.dies_with_worker for job in running)

    def go(self, code: int) -> None:
        """Leave now."""
        if not self.done.done():
            self.done.set_result(code)

    def _leave(self, reason: Reason) -> None:
        if not self.done.done():
            self._voice.post(Goodbye(reason))
            self._voice.say("info", "Leaving", reason=reason)
        self.go(0)

    def taken(self, job: Job) -> None:
        """A run was taken in hand: past the deadline one that is taken over, which
        would be waited for like the others, and like them has no more time."""
        if self._overdue:
            _cancel(job)

    def _cancel_all(self) -> None:
        self._overdue = True
        for job in tuple(self._jobs):
            if not job.over:
                _cancel(job)


def _cancel(job: Job) -> None:
    job.cancel(Cancel(job.run_id, job.epoch, job.grace_s, "shutdown"))
