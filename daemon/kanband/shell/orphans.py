"""Runs whose worker is away: who takes them, and when they are given up.

The rules, in order, for a live run without a connected worker:

* its worker may come back (it is starting, backing off, or cannot be verified): the
  run waits for it;
* another connected worker can do it: it is transferred, same epoch, and adopted;
* a cancellation is wanted and nobody is there to carry it out, or nobody has adopted
  it within the lease's ``dead_s``: it is *reaped*. A reaper (``kanban-worker --reap``)
  ends what lives of it and says how surely; only then is its end committed, and not
  at all as long as there is no proof: then it is tried again.

A run that has ended by itself and left its record is not given up: its work waits on
disk for whichever worker comes next. The daemon itself signals no agent.
"""

import asyncio
import contextlib
import logging
import sys
from typing import Final

import msgspec

from kanban_ipc.link import Result
from kanban_ipc.words import Proof, RunId
from kanband.shell.assignments import Prospects
from kanband.shell.dispatch import Dispatch
from kanband.shell.live import LiveRun, Session
from kanband.shell.ports import Clock, Store
from kanband.shell.profiles import Profiles
from kanband.shell.unconfined import unconfined
from kanband.store.errors import StoreError

_LOG: Final = logging.getLogger(__name__)
_CANCEL_CHECK_S: Final = 1.0
"""How often runs are looked at while one is to be ended: a person waits for it."""
_REAP_TIMEOUT_S: Final = 60.0
_REAPERS_MAX: Final = 4
"""At once: each is a Python process, and a worker may leave any number of runs."""
_REAP_AGAIN_S: Final = 10.0
"""After a reaper that failed, or could not prove it."""


class Reaped(msgspec.Struct, frozen=True):
    """What the reaper prints."""

    outcome: str
    proof: Proof = "none"
    survivors: list[int] = []


class Orphans:
    """Looks after runs without a worker; wakes only while there are live runs."""

    def __init__(
        self,
        *,
        dispatch: Dispatch,
        prospects: Prospects,
        profiles: Profiles,
        store: Store,
        clock: Clock,
    ) -> None:
        """Nothing happens before ``run``."""
        self._dispatch = dispatch
        self._prospects = prospects
        self._profiles = profiles
        self._store = store
        self._clock = clock
        self._reaped: dict[RunId, Reaped] = {}
        self._reapers: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(_REAPERS_MAX)

    async def run(self) -> None:
        """Look after them until cancelled."""
        try:
            while True:
                await self._dispatch.live.busy()
                await self._pause()
                await self._round()
        finally:
            for reaper in self._reapers:
                reaper.cancel()

    async def _round(self) -> None:
        self._dispatch.awake()
        runs = self._dispatch.live.everyone()
        for run_id in self._reaped.keys() - {run.run_id for run in runs}:
            del self._reaped[run_id]
        for run in runs:
            try:
                await self._look(run)
            except StoreError as error:
                _LOG.warning("run %s is looked after later: %s", run.run_id, error)

    async def _pause(self) -> None:
        """Until the next round is due, or somebody wants a run ended."""
        attention = self._dispatch.attention
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._pause_s()):
                await attention.wait()
                attention.clear()

    def _pause_s(self) -> float:
        runs = self._dispatch.live.everyone()
        if any(run.cancel is not None for run in runs):
            return _CANCEL_CHECK_S
        return self._profiles.config.lease.heartbeat_s

    async def _look(self, run: LiveRun) -> None:
        if run.reaping or run.ending:
            return
        if self._attended(run):
            self._reaped.pop(run.run_id, None)
            return
        returns = self._prospects.returns(run.worker_id)
        if run.cancel is not None:
            self._end_cancelled(run, returns=returns)
            return
        dead = self._dispatch.staleness(run) == "DEAD"
        if returns and not dead:
            return
        heir = self._heir(run)
        if heir is not None:
            await self._transfer(run, heir)
        elif dead and not returns and run.run_id not in self._reaped:
            self._begin_reaping(run)

    def _end_cancelled(self, run: LiveRun, *, returns: bool) -> None:
        """Nobody who answers can carry out the cancellation: reap it, once."""
        reaped = self._reaped.get(run.run_id)
        if reaped is None:
            self._begin_reaping(run)
        elif not returns:
            self._dispatch.end_unreported(run, _result(run, reaped))

    def _attended(self, run: LiveRun) -> bool:
        """Whether a worker that answers has it in hand. While we were away ourselves,
        nobody could.
        """
        age_s = self._dispatch.heard_age_s(run.worker_id)
        if age_s is None:
            return False
        awake_s = self._clock.monotonic() - self._dispatch.awake()
        return min(age_s, awake_s) < self._profiles.config.lease.heartbeat_s * 2

    def _heir(self, run: LiveRun) -> Session | None:
        """The connected worker with the fewest runs that may do it."""
        able = [
            session
            for session in self._dispatch.sessions.everyone()
            if session.worker_id != run.worker_id
            and not session.draining
            and self._dispatch.connected(session.worker_id)
            and session.only.allows(run.agent, run.work.repo_path, run.work.labels)
        ]
        count = self._dispatch.live.count
        return min(able, key=lambda s: count(s.worker_id) - s.slots, default=None)

    async def _transfer(self, run: LiveRun, heir: Session) -> None:
        now_ms = self._clock.now_ms()
        moving = self._store.do(
            lambda v: v.transfer({run.run_id: heir.worker_id}, now_ms=now_ms),
        )
        await self._dispatch.adopt(run, heir.worker_id, moving)

    def _begin_reaping(self, run: LiveRun) -> None:
        run.reaping = True
        task = asyncio.ensure_future(self._reap(run))
        self._reapers.add(task)
        task.add_done_callback(self._reapers.discard)

    async def _reap(self, run: LiveRun) -> None:
        try:
            async with self._places:
                # It may have waited for its place while somebody came back.
                if run.ending or run.ended.is_set() or self._attended(run):
                    return
                try:
                    reaped = await self._reaper(run)
                except OSError as error:
                    _LOG.error("no reaper for run %s: %s", run.run_id, error)
                    reaped = None
            if reaped is not None and reaped.proof == "none":
                _LOG.error(
                    "run %s cannot be given up yet: it is not sure that nothing of it "
                    "lives (%s); its ticket waits, and it is tried again",
                    run.run_id,
                    ", ".join(map(str, reaped.survivors)) or "its launcher is stopped",
                )
                reaped = None
            if reaped is None:
                await asyncio.sleep(_REAP_AGAIN_S)
        finally:
            run.reaping = False
        if reaped is None or self._dispatch.live.get(run.run_id, run.epoch) is None:
            return
        self._reaped[run.run_id] = reaped
        if self._attended(run) or self._prospects.returns(run.worker_id):
            return  # Its worker finds the record on disk and reports it.
        if run.cancel is not None or reaped.outcome != "exited":
            self._dispatch.end_unreported(run, _result(run, reaped))

    async def _reaper(self, run: LiveRun) -> Reaped | None:
        grace_s = run.terms.limits.grace_s
        run_dir = self._profiles.run_dir(run.run_id)
        process = await asyncio.create_subprocess_exec(
            *unconfined(
                self._profiles.config.units,
                [
                    *(sys.executable, "-m", "kanban_worker"),
                    *("--reap", run_dir, "--grace", str(grace_s)),
                ],
                patience_s=grace_s + _REAP_TIMEOUT_S,
            ),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(grace_s + _REAP_TIMEOUT_S):
                out, err = await process.communicate()
            try:
                return msgspec.json.decode(out, type=Reaped)
            except msgspec.MsgspecError:
                _LOG.error("the reaper of run %s failed: %r", run.run_id, err[-500:])
        except TimeoutError:
            _LOG.error("the reaper of run %s did not end in time", run.run_id)
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return None


def _result(run: LiveRun, reaped: Reaped) -> Result:
    """What the store is told of a run that nobody will report."""
    if run.cancel is not None:
        return Result(
            outcome="aborted",
            failure=run.cancel,
            message="cancelled while its worker was away",
            proof=reaped.proof,
        )
    return Result(
        outcome="error",
        failure="worker_lost",
        message=(
            f"its worker {run.worker_id} did not come back and no other could adopt "
            "it; what was left of it has been ended"
        ),
        proof=reaped.proof,
    )
