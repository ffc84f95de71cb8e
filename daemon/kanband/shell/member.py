"""One worker: its row, and the shell of its automaton (``core.workers``).

It reports what happens as events and carries out the effects. Nothing leaves before the
commit that justifies it: a spawn is asked for when its incarnation and its secret's
digest are durable, an exit is collected when it is. Absent: the process (``body``), the
steps of a stop (``stopper``), which workers there are and what is wanted (``fleet``).
"""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Container
from typing import Final, assert_never

import msgspec

from kanban_ipc.link import ProcessId
from kanban_ipc.spawning import Exited
from kanban_ipc.words import WorkerId, WorkerState
from kanband.core import backoff, recycling, workers
from kanband.core.exits import End, classify
from kanband.core.workers import Effect, Event, Wanted
from kanband.shell import worker_rows
from kanband.shell.body import Body
from kanband.shell.crew import Ground
from kanband.shell.identity import rss_bytes, uptime_s
from kanband.shell.incarnation import Incarnation, fresh_name, fresh_secret
from kanband.shell.logtail import last_lines
from kanband.shell.pidfd import Pidfd, ProcessGone
from kanband.shell.stopper import Stop
from kanband.store.values import Note, WorkerRow

_LOG: Final = logging.getLogger(__name__)


class Member:
    """One worker of the fleet."""

    def __init__(self, row: WorkerRow, ground: Ground) -> None:
        """``row``: what is wanted and remembered; a process in it is not believed."""
        state: WorkerState = "FATAL" if row.state == "FATAL" else "STOPPED"
        self.row = msgspec.structs.replace(row, state="EXITED" if row.guest else state)
        self.wanted: Wanted = row.wanted
        """Acted on; ``row.wanted`` runs ahead of it while it is being committed."""
        self.body: Final = Body(row.worker_id, self, ground)
        self.stop: Stop | None = None
        self.doubt = ""
        """In UNKNOWN: why."""
        self.hindered = ""
        """Why the system refused it a process the last time, if it did."""
        self.starts_at: float | None = None
        """In BACKOFF and EXITED: when it will be started, monotonic."""
        self._ground = ground
        self._doubted: Pidfd | None = None
        self._history = backoff.History()
        self._timer: asyncio.TimerHandle | None = None
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def worker_id(self) -> WorkerId:
        """Its name."""
        return self.row.worker_id

    @property
    def state(self) -> WorkerState:
        """What it is."""
        return self.row.state

    @property
    def process(self) -> ProcessId | None:
        """The one that lives, or the one in doubt."""
        return self._doubted.process if self._doubted else self.body.process

    @property
    def by_hand(self) -> bool:
        """Another's to start and to stop: a guest, and not our own thread."""
        process = self.process
        return self.row.guest and (process is None or process.pid != os.getpid())

    # ------------------------------------------------------------------ the wishes

    def wish(self, wanted: Wanted) -> None:
        """It is committed: act on it. A daemon that leaves starts nothing; the wish
        holds for the next one.
        """
        self.wanted = wanted
        if wanted == "stop":
            self.happen("stop")
        elif not self._ground.leaving:
            self.happen("start")

    def restart(self) -> None:
        """It is wanted: end what lives; it is started as soon as that is gone."""
        if self.state in workers.ALIVE:
            self.wanted = "run"
            self.happen("stop")
        else:
            self.wish("run")

    def stopping(self, *, now: bool) -> Stop:
        """The stop that is about to begin or under way; ``now`` hurries it."""
        if self.stop is None:
            self.stop = Stop(self, self._ground, now=now)
        elif now:
            self.stop.hurry()
        return self.stop

    def stop_done(self) -> None:
        """No process is left (or none that may be touched): the stop is complete."""
        stop, self.stop = self.stop, None
        if stop is not None:
            stop.complete()

    def withdraw(self) -> bool:
        """Give up a start that no process has come of; False: one may have."""
        if not self.body.withdraw():
            return False
        self._take("ended", "stopped before it was started")
        return True

    async def until(self, states: Container[WorkerState]) -> None:
        """Return once it is in one of these."""
        while self.state not in states:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    # --------------------------------------------------------------- the automaton

    def happen(self, event: Event, why: str = "") -> asyncio.Future[None]:
        """Take a step; done when what it became is durable."""
        before = self.state
        edge = workers.step(before, event)
        notes = []
        if edge.to != before:
            self._cancel_timer()
            self.row = msgspec.structs.replace(self.row, state=edge.to)
            notes.append(self._note(before, why or event))
            self._announce(before, why or event)
        durable = self._ground.ledger.mark(self, *notes)
        for effect in edge.effects:
            self._carry_out(effect, why)
        # Whether a guest runs is not ours to wish.
        guest = self.row.guest
        wish = None if guest else workers.follow_up(self.state, self.wanted)
        if wish is not None and not (wish == "start" and self._ground.leaving):
            self.happen(wish)
        return durable

    def _carry_out(self, effect: Effect, why: str) -> None:
        match effect:
            case "spawn":
                self._spawn()
            case "await_hello":
                self._await_hello()
            case "watch":
                self._history = backoff.running(self._history, self._now())
            case "retire":
                self.stopping(now=False).press()
            case "abort":
                self.body.abort(why)
            case "delay":
                self._delay()
            case "forget":
                self._history = backoff.History()
            case _:
                assert_never(effect)

    def _spawn(self) -> None:
        secret, sha256 = fresh_secret()
        name = fresh_name()
        self.body.now = Incarnation(name)
        now_ms = self._ground.clock.now_ms()
        self.row = worker_rows.intended(self.row, name, sha256, now_ms)

        def ask(committed: asyncio.Future[None]) -> None:
            if not committed.cancelled():
                log_path = self._ground.log_path(self.worker_id)
                self.body.ask(name, secret, self.row.slots, log_path)

        self._ground.ledger.mark(self).add_done_callback(ask)

    def _await_hello(self) -> None:
        """Its time begins with its process."""
        if self.body.process is not None:
            begun, timeout_s = self._now(), self._ground.settings.start_timeout_s
            self._after(timeout_s, lambda: self._overdue(begun))

    def _overdue(self, begun: float) -> None:
        """Unless we were away ourselves, and so could not have heard it."""
        timeout_s = self._ground.settings.start_timeout_s
        awake = self._ground.dispatch.awake()
        if awake > begun:
            self._after(awake + timeout_s - self._now(), lambda: self._overdue(awake))
            return
        self.happen("overdue", f"no hello within {timeout_s:g} s")

    def _delay(self) -> None:
        if self._ground.leaving or self.wanted == "stop":
            return
        policy = self._ground.policy
        delay_s = backoff.delay_s(self._history, self._ground.jitter(), policy)
        if delay_s == 0:
            # At once, so that its end and its next start share a commit.
            self._due()
        else:
            self._after(delay_s, self._due)
            self.starts_at = self._now() + delay_s

    def _due(self) -> None:
        count = self.row.restart_count + 1
        self.row = msgspec.structs.replace(self.row, restart_count=count)
        self.happen("due")

    # ------------------------------------------------------------- what is observed

    def attached(self, process: ProcessId) -> None:
        """Its process is known; see ``body.Owner``."""
        self.hindered = ""
        self.row = worker_rows.living(self.row, process)
        self._ground.ledger.mark(self)
        if self.state == "STARTING":
            self._await_hello()
        elif self.stop is not None:
            self.stop.press()

    def ended(
        self, end: End, lines: list[str], name: str, not_started: str
    ) -> asyncio.Future[None]:
        """Its process is no more; see ``body.Owner``."""
        stopping = self.state == "STOPPING"
        self.hindered = not_started
        verdict = classify(msgspec.structs.replace(end, stopping=stopping))
        self._keep_exit(end, not_started or verdict.reason, lines)
        durable = self._take(verdict.event, not_started or verdict.reason)
        self._ground.dispatch.worker_gone(self.worker_id, name)
        return durable

    def admitted(self, row: WorkerRow) -> None:
        """A guest has come, and holds the lock of this id: whoever had it is gone."""
        if self.row.incarnation != row.incarnation:
            self._end_doubt()
            if self.body.now is not None:
                self.body.superseded()
            elif self.state == "UNKNOWN":
                self.happen("ended", "its lock is held by another now")
        kept = worker_rows.guest(self.row, row)
        self.row = msgspec.structs.replace(kept, state=self.state)

    def on_guest(self, process: ProcessId) -> None:
        """It was welcomed; on a new connection it says hello again."""
        if self.body.now is None and self.state != "UNKNOWN":
            self.found(process, said_hello=True)
        if self.body.now is not None or self.state == "UNKNOWN":
            self.on_hello(process)

    def on_hello(self, process: ProcessId) -> None:
        """It has proven itself on the link; also one in doubt may."""
        self.body.on_hello(self.row.incarnation, process)
        if self.state in {"STARTING", "UNKNOWN"} or self.stop is not None:
            self._end_doubt()
            self.happen("hello")

    def silent_since(self, since: float, stale_s: float) -> None:
        """The fleet's regular look: our loop has been awake since then."""
        current = self.body.now
        if self.state != "RUNNING" or current is None or current.put_down:
            return
        silence_s = self._now() - max(since, current.heard_at)
        if silence_s >= stale_s:
            self.happen("silent", f"alive but silent for {silence_s:.0f} s")

    @property
    def recycles(self) -> bool:
        """It drains, to be replaced by a fresh one."""
        return self.body.now is not None and self.body.now.recycled != ""

    def recycle_if_due(self) -> None:
        """The fleet's regular look: it may have become too large or too old."""
        limits, current = self._ground.recycling, self.body.now
        watched = limits.any and not self.row.guest and self.state == "RUNNING"
        if not watched or current is None or current.process is None:
            return
        if current.recycled or current.put_down:
            return
        dispatch = self._ground.dispatch
        why = recycling.reason(
            limits,
            current.name,
            rss_bytes=rss_bytes(current.process),
            age_s=uptime_s(current.process),
            idle=not dispatch.live_runs(self.worker_id),
        )
        if why and dispatch.drain_worker(self.worker_id, recycling.DRAIN_S):
            current.recycled = why
            _LOG.info("%s is recycled: %s", self.worker_id, why)

    def _take(self, event: Event, reason: str) -> asyncio.Future[None]:
        """An end, as the automaton sees it."""
        policy = self._ground.policy
        if self.row.guest:
            event = "gone"
        elif event == "failed" and not self.hindered:
            self._history = backoff.failed(self._history, self._now(), policy)
            if backoff.exhausted(self._history, policy):
                event = "exhausted"
        elif event in {"crashed", "left", "failed"}:
            # That there was no process for it says nothing of it, so it is never FATAL.
            self._history = backoff.ended(self._history, self._now(), policy)
        else:
            self.stop_done()
        return self.happen(event, reason)

    def _keep_exit(self, end: End, reason: str, lines: list[str]) -> None:
        self.row = worker_rows.ended(
            self.row,
            exit_code=end.exit_code,
            signal=end.signal,
            reason=reason,
            lines=lines,
            now_ms=self._ground.clock.now_ms(),
        )

    # ------------------------------------------------------------- a daemon's start

    def found(self, process: ProcessId, *, said_hello: bool) -> None:
        """It lives, proven; it will say hello again."""
        self._end_doubt()
        self.body.found(self.row.incarnation, said_hello=said_hello)
        self.happen("found", f"found alive as process {process.pid}")
        self.body.attach(process)

    def lost(self, end: Exited | None) -> None:
        """It ended while no daemon was there; ``end``: what the spawner has kept."""
        code, number = (end.exit_code, end.signal) if end else (None, None)
        known = End(exit_code=code, signal=number, said_hello=True)
        reason = f"{classify(known).reason}, while no daemon was there"
        lines = last_lines(self._ground.log_path(self.worker_id))
        self._keep_exit(known, reason, lines)

    def doubted(self, process: ProcessId | None, reason: str) -> None:
        """Something lives that may be it: watch, touch nothing."""
        self._end_doubt()
        if process is not None:
            try:
                self._doubted = Pidfd(process, self.doubt_ended)
            except ProcessGone:
                # It went while we looked.
                self.doubt_ended()
                return
        self.doubt = reason
        self.happen("doubted", reason)

    def doubt_ended(self, why: str = "the process in doubt has ended") -> None:
        """Whatever it was, it is gone, or another's."""
        self._end_doubt()
        if self.state == "UNKNOWN":
            self.happen("ended", why)

    def signal_doubted(self, number: signal.Signals) -> bool:
        """On a person's word alone; False: there is no such process to be signalled."""
        return self._doubted is not None and self._doubted.signal(number)

    def _end_doubt(self) -> None:
        self.doubt = ""
        if self._doubted is not None:
            self._doubted.close()
            self._doubted = None

    # ------------------------------------------------------------------------ small

    def close(self) -> None:
        """Let go of the process and of every timer; nothing is signalled."""
        self._cancel_timer()
        self._end_doubt()
        self.body.close()
        if self.stop is not None:
            self.stop.close()

    def _now(self) -> float:
        return self._ground.clock.monotonic()

    def _after(self, delay_s: float, then: Callable[[], None]) -> None:
        self._cancel_timer()
        self._timer = asyncio.get_running_loop().call_later(delay_s, then)

    def _cancel_timer(self) -> None:
        self.starts_at = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _note(self, before: WorkerState, why: str) -> Note:
        payload: dict[str, str | int | float | bool | None] = {
            "worker_id": self.worker_id,
            "from": before,
            "to": self.state,
            "why": why,
        }
        return Note(sender="system", type="worker_state", payload=payload)

    def _announce(self, before: WorkerState, why: str) -> None:
        level = logging.WARNING if self.state in {"FATAL", "UNKNOWN"} else logging.INFO
        named = {"worker": self.worker_id, "state": self.state}
        text = "%s -> %s (%s)"
        _LOG.log(level, text, before, self.state, why, extra={"fields": named})
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
