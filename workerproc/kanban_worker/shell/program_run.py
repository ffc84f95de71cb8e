"""One run of a program, as the desk sees it: orders in, its end out.

Theory. An order to end the run reaches whatever step it is at: git is interrupted, a
run that is not launched never will be, a living shim is told. Whether it came in time
says the exit record alone. A dropped run is ended the same way, and nothing is said
or committed for it any more: its worktree may be another run's already.

With each heartbeat, and at the end, what the agent could not say is delivered
(``spool``).
"""

import asyncio

from kanban_ipc.link import Assign, Cancel, Observation
from kanban_worker.git.command import Interrupted
from kanban_worker.shell.blocking import in_thread
from kanban_worker.shell.course import course
from kanban_worker.shell.hand import Hand, Shared
from kanban_worker.shell.job import Desk, finished
from kanban_worker.shell.orders import write_order
from kanban_worker.shell.output import Watch
from kanban_worker.shell.results import mark_acknowledged
from kanban_worker.shell.spool import Spool


class ProgramRun:
    """See the module. A ``Job``."""

    dies_with_worker = False
    stuck = False

    def __init__(self, desk: Desk, shared: Shared, assign: Assign) -> None:
        self.run_id = assign.run_id
        self.epoch = assign.epoch
        self.grace_s = assign.limits.grace_s
        self._desk = desk
        box = desk.open_box(
            self.run_id, self.epoch, taken_over=assign.adopt, after=assign.last_seq
        )
        self._hand = Hand(assign, shared, desk, box)
        self._watch = Watch(self._hand.run_dir)
        self._spool = Spool(assign)
        self._delivering: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Everything, once. Cancelling it leaves the run to the next incarnation."""
        hand = self._hand
        try:
            result = await course(hand)
            text = result.message or "its work is committed"
            hand.log.line("info", f"{result.failure or result.outcome}: {text}")
            hand.stop_if_dropped()
            await self._deliver_all()
            hand.stop_if_dropped()
        except Interrupted:
            hand.stage = "finished"
            return
        hand.stage = "finished"
        ended_ms = result.agent_ended_ms or self._desk.now_ms()
        message = finished(hand.box, ended_ms, result)
        self._desk.report(hand.assign.work.ticket_id, message)

    async def _deliver_all(self) -> None:
        """What its agent could not say comes before its end."""
        if self._delivering is not None:
            await asyncio.wait((self._delivering,))
        await self._deliver()

    async def _deliver(self) -> None:
        hand = self._hand
        self._spool.acknowledged(hand.box)
        found, complaints = await in_thread(self._spool.look)
        for complaint in complaints:
            hand.log.line("warn", f"what the agent left to be said: {complaint}")
        for message in self._spool.say(found, hand.box):
            self._desk.post(message)

    @property
    def over(self) -> bool:
        """See ``Job``."""
        return self._hand.stage == "finished"

    @property
    def begun(self) -> bool:
        """See ``Job``."""
        return self._hand.stage != "preparing"

    @property
    def root_pid(self) -> int:
        """See ``Job``."""
        return self._hand.root_pid

    def observe(self) -> Observation:
        """See ``Job``."""
        stage = self._hand.stage
        if stage == "running":
            if self._delivering is None or self._delivering.done():
                loop = asyncio.get_running_loop()
                self._delivering = loop.create_task(self._deliver())
            return self._watch.running(self.run_id, self.epoch)
        return Observation(self.run_id, self.epoch, stage, alive=False)

    def measured(self, cpu_ms: int, rss_bytes: int) -> None:
        """See ``Job``."""
        self._watch.cpu_ms, self._watch.rss_bytes = cpu_ms, rss_bytes

    def cancel(self, order: Cancel) -> None:
        """See ``Job``."""
        hand = self._hand
        if hand.stage in {"finishing", "finished"}:
            return
        hand.order = hand.order or order.failure
        hand.log.line("info", f"ordered to end: {hand.order}")
        write_order(hand.run_dir, hand.order)
        hand.interrupt(order.grace_s)

    def drop(self) -> None:
        """See ``Job``."""
        self._hand.dropped = True
        if not self.over:
            self._hand.log.line("warn", "dropped: it is not this worker's any more")
            self._hand.interrupt(self.grace_s)

    def acknowledged(self) -> None:
        """See ``Job``."""
        self._spool.acknowledged(None)
        try:
            mark_acknowledged(self._hand.run_dir)
        except OSError:
            return  # then its files are kept a little longer

    def keep(self) -> None:
        """Do nothing: the result is on disk since before it was said."""
