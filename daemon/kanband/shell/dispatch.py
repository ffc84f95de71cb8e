"""The dispatch: free slots meet Ready tickets, results meet the store.

Decided here: when a turn is committed, and what is sent after it. What workers say
comes from the ``reception``, and the runs they get go by ``assignments``. Which ticket
is claimed and what a result does to its ticket is decided by the store's verbs; what
becomes of runs whose worker is away, by ``orphans``. Nothing polls: a turn begins when
a message, a free slot, a due time or a user's change gives it a reason. One turn is
under way at a time, so whatever comes meanwhile shares the next commit.
"""

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import Callable
from typing import Final, Protocol

from kanban_ipc import link
from kanban_ipc.link import Result
from kanban_ipc.words import Epoch, FailureClass, RunId, WorkerId
from kanband.core.ids import RANDOM_BYTES, RunIds
from kanband.shell.assignments import Assignments, Outbox, Prospects
from kanband.shell.due import DueTimer
from kanband.shell.live import LiveRun, Spared
from kanband.shell.marks import Marks
from kanband.shell.passes import Passes
from kanband.shell.ports import Clock, Store
from kanband.shell.post import Post, Sender
from kanband.shell.profiles import Profiles
from kanband.shell.reports import Reports
from kanband.shell.standing import Standing
from kanband.shell.turn import Arrivals, Turn, TurnOutcome
from kanband.store.errors import StoreError
from kanband.store.values import RunMark, Stale, Want

_LOG: Final = logging.getLogger(__name__)
_STORE_RETRY_S: Final = 0.5
"""After a commit that failed (full disk): nothing is lost, it is tried again."""


class Crew(Prospects, Protocol):
    """The fleet, as the dispatch uses it."""

    def processed(self, worker_id: WorkerId, count: int = 1) -> None:
        """Results of its runs were settled."""


class Dispatch(Standing):
    """``ports.Runs``, ``crew.Dispatch``; the ``reception`` tells it what came in."""

    def __init__(
        self,
        *,
        store: Store,
        crew: Crew,
        profiles: Profiles,
        clock: Clock,
        daemon_start: str,
        rng: random.Random,
        broken: Callable[[BaseException], None],
        passes: Passes,
    ) -> None:
        """Nothing is sent before ``attach``, nothing assigned before ``open``.

        ``broken`` is called with what cannot be but did: a bug.
        """
        super().__init__(profiles, clock)
        self._broken = broken
        self._store = store
        self._crew = crew
        self._rng = rng
        self._run_ids = RunIds()
        self.attention: Final = asyncio.Event()
        """Set when a run is to end that perhaps nobody has in hand."""
        self.post: Final = Post(profiles, daemon_start, passes)
        self.marks: Final = Marks(store)
        self.reports: Final = Reports(self.live, self.post, rng)
        self.assignments: Final = Assignments(
            live=self.live,
            sessions=self.sessions,
            post=self.post,
            reports=self.reports,
            prospects=crew,
            profiles=profiles,
            clock=clock,
        )
        self._due = DueTimer(store, clock, self.wake, broken)
        self._turning = False
        self._claimable = True
        self._accepting = False
        self._store_problem = ""
        self._retry: asyncio.TimerHandle | None = None

    # ------------------------------------------------------- beginning and ending

    def attach(self, sender: Sender) -> None:
        """Answers leave through ``sender``; before anything comes in."""
        self.post.attach(sender)

    async def recover(self) -> None:
        """Take over the leases that the store holds; before anything listens."""
        now = self._clock.monotonic()
        for lease in await self._store.read(lambda reads: reads.leases()):
            terms = self._profiles.terms(lease.agent, lease.timeout_s)
            self.live.add(LiveRun.found(lease, terms, now))
        now_ms = self._clock.now_ms()
        # The limits may be others than those under which tickets were set aside.
        await self._store.do(lambda verbs: verbs.unpark(now_ms=now_ms))
        await self._due.promote()

    def open(self) -> None:
        """From now on assignments leave."""
        self.begin()
        self._accepting = True
        self.wake()

    def hold(self) -> None:
        """Assign nothing more; what runs, runs on."""
        self._accepting = False

    async def idle(self) -> None:
        """After ``hold``: return when no run is live, and none is about to be."""
        await self.assignments.all_given()
        await self.live.idle()

    def close(self) -> None:
        """Stop every timer."""
        self.hold()
        self.marks.write()
        self._due.close()
        if self._retry is not None:
            self._retry.cancel()

    # ------------------------------------------------------------------ the turn

    def wake(self) -> None:
        """Something may have become claimable."""
        self._claimable = True
        self.turn()

    def room_found(self) -> None:
        """A worker has more room than it said before: the next turn may claim."""
        self._claimable = True

    def due_at(self, due_ms: int | None) -> None:
        """Something becomes claimable at this wall time."""
        self._due.at(due_ms)

    def awake(self) -> float:
        """As ``Standing`` has it; and that the wall clock was set is noticed."""
        self._due.look_at_the_clock()
        return super().awake()

    def turn(self) -> None:
        """Begin a turn, if none is under way and there is a reason for one."""
        if self._turning or self._retry is not None:
            return
        wants = self._wants()
        if not wants and not self.reports:
            return
        now_ms = self._clock.now_ms()
        arrivals = self.reports.take()
        turn = Turn(
            arrivals=arrivals,
            marks=self.marks.take(end.run_id for end in arrivals.ends),
            wants=wants,
            run_ids=[
                self._run_ids.next(now_ms, self._rng.randbytes(RANDOM_BYTES))
                for _ in range(sum(want.count for want in wants))
            ],
            claim_policy=self._profiles.claim_policy,
            retry_policy=self._profiles.retry_policy,
            now_ms=now_ms,
        )
        self._turning = True
        if wants:
            self._claimable = False
        committed = self.assignments.soon(self._store.do(turn.apply))
        committed.add_done_callback(lambda done: self._done(turn, done))

    def _wants(self) -> list[Want]:
        """Every free slot, those included that this turn's results free."""
        ending: dict[WorkerId, int] = defaultdict(int)
        # A set: told twice, an end frees one slot.
        for run_id, epoch in {(end.run_id, end.epoch) for end in self.reports.ends}:
            run = self.live.get(run_id, epoch)
            if run is not None:
                ending[run.worker_id] += 1
        if not self._accepting or not (self._claimable or ending):
            return []
        wants = []
        for session in self.sessions.everyone():
            taken = self.live.count(session.worker_id) - ending[session.worker_id]
            room = session.room(taken)
            if room:
                want = Want(
                    worker_id=session.worker_id,
                    count=room,
                    agents=session.only.agents,
                    repo_path=session.only.repo_path,
                    labels=session.only.labels,
                )
                wants.append(want)
        return wants

    def _done(self, turn: Turn, done: asyncio.Future[TurnOutcome]) -> None:
        self._turning = False
        if done.cancelled():
            return
        error = done.exception()
        if error is None:
            self._committed(turn, done.result())
        elif isinstance(error, StoreError):
            self._not_committed(turn, error)
        else:
            self._broken(error)
            return
        self.turn()

    def _not_committed(self, turn: Turn, error: BaseException) -> None:
        """Nothing was acknowledged; keep it and try again."""
        self._store_problem = (
            f"results of runs wait, and are tried again twice a second: {error}"
        )
        _LOG.error("a turn could not be committed: %s", error)
        self.reports.put_back(turn.arrivals)
        for mark in turn.marks:
            self.marks.note(mark)
        self._claimable = True
        loop = asyncio.get_running_loop()
        self._retry = loop.call_later(_STORE_RETRY_S, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        self.turn()

    def _committed(self, turn: Turn, outcome: TurnOutcome) -> None:
        self._store_problem = ""
        outbox: Outbox = defaultdict(list)
        self._acknowledge(turn.arrivals, outbox)
        for end in outcome.ends:
            if isinstance(end, Stale):
                peer = turn.arrivals.peers.get((end.run_id, end.epoch))
                if peer is not None:
                    drop = link.Drop(run_id=end.run_id, epoch=end.epoch)
                    outbox[peer].append(drop)
        for report, end in zip(turn.arrivals.ends, outcome.ends, strict=True):
            run = self.live.get(report.run_id, report.epoch)
            if run is not None and not isinstance(end, Stale):
                self.live.remove(run.run_id)
                self._crew.processed(run.worker_id)
        self.assignments.hand_out(outcome.claims, outbox)
        for peer, messages in outbox.items():
            self.assignments.send(peer, messages)
        self._due.at(outcome.next_due_ms)
        if outcome.woke or len(outcome.claims) >= turn.wanted > 0:
            self._claimable = True

    def _acknowledge(self, arrivals: Arrivals, outbox: Outbox) -> None:
        """Each run's highest committed sequence number, once."""
        for (run_id, epoch), seq in arrivals.highest().items():
            run = self.live.get(run_id, epoch)
            if run is not None:
                run.last_seq = max(run.last_seq, seq)
            peer = arrivals.peers.get((run_id, epoch))
            if peer is not None:
                ack = link.Ack(run_id=run_id, epoch=epoch, seq=seq)
                outbox[peer].append(ack)

    # ------------------------------------------------- for fleet, orphans, methods

    async def cancel(self, run_id: RunId, epoch: Epoch, failure: FailureClass) -> None:
        """End a live run whose cancellation is committed; see ``ports.Runs``."""
        run = self.live.get(run_id, epoch)
        if run is None:
            return
        run.cancel = failure
        self.attention.set()
        session = self.sessions.of(run.worker_id)
        if session is not None:
            self.post.cancel(session, run)
        await run.ended.wait()

    def end_unreported(self, run: LiveRun, result: Result) -> None:
        """A run that no worker will report any more has ended, as the reaper found."""
        self.assignments.end(run, result)
        self.turn()

    async def adopt(
        self, run: LiveRun, heir: WorkerId, moving: asyncio.Future[list[RunId]]
    ) -> None:
        """Give a live run to another worker once its transfer is committed. An heir
        that has gone meanwhile gets it with its next hello. Raises what the store does.
        """
        run.moving = True
        try:
            moved = await self.assignments.soon(moving)
        finally:
            run.moving = False
        if run.run_id not in moved or self.live.get(run.run_id) is not run:
            return
        _LOG.info("run %s of %s goes to %s", run.run_id, run.worker_id, heir)
        self.live.hand_over(run, heir)
        session = self.sessions.of(heir)
        if session is None:
            self.assignments.give_back(run)
        elif not run.ending:
            # Else it was declined meanwhile, and would begin under a lease that ends.
            self.assignments.assign(session, run)
        self.wake()  # It leaves a slot behind.

    def worker_gone(self, worker_id: WorkerId, incarnation: str) -> None:
        """The worker's process has ended; its runs wait for the next one. Those that
        never came to it go back, if there is to be none.
        """
        self.sessions.close(worker_id, incarnation)
        for run in self.live.of(worker_id):
            self.assignments.give_back(run)
        self.turn()

    def drain_worker(self, worker_id: WorkerId, deadline_s: float) -> bool:
        """Ask a worker to leave; False: it is not connected."""
        session = self.sessions.of(worker_id)
        if session is None:
            return False
        session.draining = True
        return self.post.send(session.peer, [link.Drain(deadline_s=deadline_s)])

    def spare(self, worker_id: WorkerId, how: Spared) -> None:
        """Give a worker nothing more (once it is empty), or give it work again."""
        session = self.sessions.of(worker_id)
        if session is not None and session.spared != how:
            session.spared = how
            self.wake()

    async def runs_ended(self, worker_id: WorkerId) -> None:
        """End what a worker that is not to come back has left; return once it is so.

        Nobody else adopts these runs: ``orphans`` reaps them as ``shutdown``. Without
        a session it gets no further ones but those that are under way now.
        """
        await self.assignments.all_given()
        left = self.live.of(worker_id)
        for run in left:
            run.cancel = run.cancel or "shutdown"
        self.attention.set()
        for run in left:
            await run.ended.wait()

    def mark(self, mark: RunMark) -> bool:
        """A run's agent says how far it is; see ``ports.Runs``."""
        run = self.live.get(mark.run_id, mark.epoch)
        if run is None:
            return False
        run.take(mark)
        self.marks.note(mark)
        return True

    def problems(self) -> list[str]:
        """What of the dispatch needs attention."""
        return [self._store_problem] if self._store_problem else []
