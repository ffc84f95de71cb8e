"""One stop of a worker under way: the steps taken, and the proof at its end.

The shell of ``core.stopping``. Absent: why it is stopped, and what follows.
"""

import asyncio
import signal
from collections.abc import Callable
from typing import Final, Protocol

from kanban_ipc.control import Run, StopProof
from kanban_ipc.link import ProcessId
from kanban_ipc.words import Proof, RunId, WorkerId, WorkerState
from kanband.core.stopping import KILL_WAIT_S, earlier, patience, weakest
from kanband.shell.body import Body
from kanband.shell.crew import Ground
from kanband.store.questions import Reads

_AGAIN_S: Final = 0.5
"""Two SIGTERMs in a row would be one to their receiver: signal(7)."""


class Leaving(Protocol):
    """The worker that is to leave, as far as a stop is concerned with it."""

    @property
    def worker_id(self) -> WorkerId: ...

    @property
    def state(self) -> WorkerState: ...

    @property
    def process(self) -> ProcessId | None: ...

    @property
    def body(self) -> Body: ...

    def withdraw(self) -> bool:
        """Take back a start that has not come to a process; whether that was so."""


class Stop:
    """Begun by ``press``; who waits for it awaits ``proof``."""

    def __init__(self, member: Leaving, ground: Ground, *, now: bool) -> None:
        """Nothing is sent yet."""
        self._member = member
        self._ground = ground
        self._now = now
        self._kill_at: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._again: asyncio.TimerHandle | None = None
        self._steps: list[str] = []
        self._escalated = False
        self._runs: set[RunId] = set()
        self._over = asyncio.Event()
        """The process is gone, or will not go, or may not be touched."""

    @property
    def worker_id(self) -> WorkerId:
        """Whose."""
        return self._member.worker_id

    # ------------------------------------------------------------------ the steps

    def press(self) -> None:
        """Ask the worker to leave, in the best way there is now; again when hurried,
        or when it has come (back) to the link.
        """
        self._runs.update(self._ground.dispatch.live_runs(self._member.worker_id))
        if self._member.process is None and self._member.withdraw():
            return
        granted = patience(
            now=self._now,
            stop_timeout_s=self._ground.settings.stop_timeout_s,
            grace_s=self._ground.settings.grace_s,
        )
        now = self._ground.clock.monotonic()
        begun = self._kill_at is not None
        self._kill_at = earlier(self._kill_at, now, granted)
        # The worker's deadline ends with ours, however often it is told.
        left_s = self._kill_at - now - (granted.kill_after_s - granted.drain_s)
        self._ask(max(0.0, left_s), begun=begun)
        self._arm(self._kill_at - now, self._kill)

    def hurry(self) -> None:
        """Cancel its runs now, if that was not said before."""
        if self._now:
            return
        self._now = True
        if self._kill_at is not None:
            self.press()

    def _ask(self, drain_s: float, *, begun: bool) -> None:
        if self._ground.dispatch.drain_worker(self._member.worker_id, drain_s):
            self._steps.append(f"drain {drain_s:g} s")
        elif not begun or self._now:
            # The same to a worker that is not on the link, without the deadline; a
            # second one hurries it.
            self._signal(signal.SIGTERM)
            if self._now and not begun:
                loop = asyncio.get_running_loop()
                self._again = loop.call_later(_AGAIN_S, self._signal, signal.SIGTERM)

    def _kill(self) -> None:
        self._escalated = True
        self._signal(signal.SIGKILL)
        self._arm(KILL_WAIT_S, self._over.set)

    def _signal(self, number: signal.Signals) -> None:
        step = self._member.body.signal(number)
        if step is not None:
            self._steps.append(step)

    def _arm(self, delay_s: float, then: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(delay_s, then)

    def complete(self) -> None:
        """No process is left, or none that may be touched."""
        self.close()
        self._runs.update(self._ground.dispatch.live_runs(self._member.worker_id))
        self._over.set()

    def close(self) -> None:
        """Take no further step."""
        for timer in (self._timer, self._again):
            if timer is not None:
                timer.cancel()
        self._timer = self._again = None

    # ------------------------------------------------------------------- the proof

    def so_far(self) -> StopProof:
        """For who does not wait."""
        return self._statement([], proof="none")

    async def proof(self, *, returns: bool) -> StopProof:
        """Wait for the end. ``returns``: its next incarnation adopts what still runs;
        else its runs are waited for as well, and reaped if need be.
        """
        await self._over.wait()
        gone = self._member.process is None or returns
        if gone and not returns:
            await self._ground.dispatch.runs_ended(self._member.worker_id)
        await self._ground.ledger.flush()
        ended = await self._ended_runs()
        level = weakest((run.proof for run in ended), process_gone=gone)
        return self._statement([run.id for run in ended], proof=level)

    async def _ended_runs(self) -> list[Run]:
        names = sorted(self._runs)

        def find(reads: Reads) -> list[Run | None]:
            return [reads.run(name) for name in names]

        found = await self._ground.store.read(find) if names else []
        return [run for run in found if run is not None and run.ended_at_ms is not None]

    def _statement(self, runs: list[str], *, proof: Proof) -> StopProof:
        process = self._member.process
        over = self._over.is_set()
        return StopProof(
            worker_id=self._member.worker_id,
            state=self._member.state,
            signalled=list(self._steps),
            escalated=self._escalated,
            survivors=[process.pid] if process is not None and over else [],
            runs_ended=runs,
            proof=proof,
        )
