"""A worker's process, from the wish to have one until its end is told.

Decided here: who is believed about a process. That it was forked, the spawner says (or
the process itself, by its secret in a hello that was quicker); that it ended, its pidfd
or the spawner, whichever is first; how it ended, the spawner alone, which is waited for
a moment. Absent: what follows from it (``member``).
"""

import asyncio
import signal
from pathlib import Path
from typing import Final, Protocol

from kanban_ipc.link import ProcessId
from kanban_ipc.spawning import Exited, Spawn, Spawned, SpawnFailed
from kanban_ipc.words import WorkerId
from kanband.core.exits import End
from kanband.core.stopping import ABORT_WAIT_S
from kanband.shell.crew import Ground
from kanband.shell.incarnation import Incarnation
from kanband.shell.logtail import last_lines, size

EXIT_STATUS_WAIT_S: Final = 1.0
"""Between a process's end by its pidfd and the spawner's word on its exit code, which
usually comes in the same turn of the loop."""


class Owner(Protocol):
    """Who is told."""

    def attached(self, process: ProcessId) -> None:
        """It is this process."""

    def ended(
        self, end: End, lines: list[str], name: str, not_started: str
    ) -> asyncio.Future[None]:
        """It is no more: done when that is durable. ``not_started`` says why, if it
        never was."""


class Body:
    """The incarnation of a worker that is current, if there is one."""

    def __init__(self, worker_id: WorkerId, owner: Owner, ground: Ground) -> None:
        """No process, and none asked for."""
        self.now: Incarnation | None = None
        self._worker_id = worker_id
        self._owner = owner
        self._ground = ground

    @property
    def process(self) -> ProcessId | None:
        """None: there is none, or it is not known yet."""
        return None if self.now is None else self.now.process

    @property
    def put_down(self) -> str:
        """Why it was to be ended, if it was."""
        return "" if self.now is None else self.now.put_down

    # ------------------------------------------------------------------- beginning

    def ask(self, name: str, secret: str, slots: int, log_path: Path) -> None:
        """Have it forked, unless it was given up in the meantime."""
        if self.now is None or self.now.name != name:
            return
        self.now.asked = True
        self.now.log_from = size(log_path)
        wish = Spawn(
            worker_id=self._worker_id,
            incarnation=name,
            state_dir=str(self._ground.state_dir),
            link_endpoint=self._ground.link_endpoint,
            slots=slots,
            run_scope=self._ground.run_scope,
            log_path=str(log_path),
        )
        self._ground.spawner.spawn(wish, secret)

    def withdraw(self) -> bool:
        """Give up a start of which no process has come; False: one may have."""
        if self.now is None:
            return False
        if self.now.asked and not self._ground.spawner.withdraw(self.now.name):
            return False
        self.now = None
        return True

    def found(self, name: str, *, said_hello: bool) -> None:
        """An earlier daemon has started it; ``attach`` says which process it is."""
        self.now = Incarnation(
            name,
            asked=True,
            said_hello=said_hello,
            heard_at=self._ground.clock.monotonic(),
            log_from=size(self._ground.log_path(self._worker_id)),
        )

    # ----------------------------------------------------------------- what is seen

    def on_spawned(self, message: Spawned) -> None:
        """The spawner has forked it (or finds that it had)."""
        if self._is(message.incarnation) and self.process is None:
            self.attach(message.process)

    def on_spawn_failed(self, message: SpawnFailed) -> None:
        """There is no process of this incarnation."""
        if self._is(message.incarnation):
            self._finish(None, None, not_started=message.reason)

    def on_exited(self, message: Exited) -> None:
        """The spawner has buried it; it may forget that once it is durable."""
        spawner = self._ground.spawner
        name = message.incarnation
        if not self._is(name):
            spawner.collected(self._worker_id, name)
            return

        def collect(done: asyncio.Future[None]) -> None:
            if not done.cancelled():
                spawner.collected(self._worker_id, name)

        durable = self._finish(message.exit_code, message.signal)
        durable.add_done_callback(collect)

    def on_hello(self, name: str, process: ProcessId) -> None:
        """It has proven itself on the link."""
        if self.now is None:
            self.found(name, said_hello=True)
        assert self.now is not None
        self.now.said_hello = True
        self._ground.spawner.risen(self.now.name)
        self.now.heard_at = self._ground.clock.monotonic()
        if self.now.process is None:
            self.attach(process)

    def attach(self, process: ProcessId) -> None:
        """It is this process: watch it."""
        assert self.now is not None
        watched = self.now.attach(process, self._process_ended)
        self._owner.attached(process)
        if not watched:
            self._process_ended()

    def superseded(self) -> None:
        """Another start of the worker is proven to live, so this one does not."""
        self._finish(None, None)

    def _process_ended(self) -> None:
        """By its pidfd. The spawner knows the code, if it still is its spawner."""
        assert self.now is not None
        name = self.now.name
        if self._ground.spawner.knows(name):
            loop = asyncio.get_running_loop()
            loop.call_later(EXIT_STATUS_WAIT_S, self._not_observed, name)
        else:
            self._not_observed(name)

    def _not_observed(self, name: str) -> None:
        if self._is(name):
            self._finish(None, None)

    def _is(self, name: str) -> bool:
        return self.now is not None and self.now.name == name

    # ------------------------------------------------------------------------ ending

    def abort(self, why: str) -> None:
        """Ask for its stack, which goes into its log (faulthandler), then end it."""
        assert self.now is not None
        self.now.put_down = why
        self.now.signal(signal.SIGABRT)
        loop = asyncio.get_running_loop()
        loop.call_later(ABORT_WAIT_S, self.now.signal, signal.SIGKILL)

    def signal(self, number: signal.Signals) -> str | None:
        """Send it; the step for the record, or None when there is nobody."""
        return None if self.now is None else self.now.signal(number)

    def close(self) -> None:
        """Let go of it; nothing is signalled."""
        if self.now is not None:
            self.now.close()

    def _finish(
        self, exit_code: int | None, number: int | None, *, not_started: str = ""
    ) -> asyncio.Future[None]:
        gone, self.now = self.now, None
        assert gone is not None
        gone.close()
        self._ground.spawner.risen(gone.name)
        end = End(
            exit_code=exit_code,
            signal=number,
            said_hello=gone.said_hello,
            goodbye=f"recycled, {gone.recycled}" if gone.recycled else gone.goodbye,
            put_down=gone.put_down,
        )
        lines = last_lines(self._ground.log_path(self._worker_id), gone.log_from)
        return self._owner.ended(end, lines, gone.name, not_started)
