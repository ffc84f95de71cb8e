"""The dispatch: free slots meet Ready tickets, results meet the store.

Decided here: whom a message on the link may come from, when a turn is committed, and
what is sent after it. Which ticket is claimed and what a result does to its ticket is
decided by the store's verbs; what becomes of runs whose worker is away, by
``orphans``. Nothing polls: a turn begins when a message, a free slot, a due time or a
user's change gives it a reason. One turn is under way at a time, so whatever comes
meanwhile shares the next commit.
"""

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

from kanban_ipc import bounds, link
from kanban_ipc.control import CurrentRun
from kanban_ipc.errors import ProtocolBug
from kanban_ipc.link import Result
from kanban_ipc.words import Epoch, FailureClass, RunId, Staleness, WorkerId
from kanband.core.ids import RANDOM_BYTES, RunIds
from kanband.core.staleness import Beats, Presence, staleness
from kanband.shell.due import DueTimer
from kanband.shell.live import LiveRun, LiveTable, Restriction, Session
from kanband.shell.marks import Marks
from kanband.shell.passes import Passes
from kanband.shell.ports import Clock, LiveWork, Store
from kanband.shell.post import Post, Sender
from kanband.shell.profiles import Profiles
from kanband.shell.reports import Reports
from kanband.shell.sessions import Sessions
from kanband.shell.turn import Arrivals, Turn, TurnOutcome
from kanband.store.errors import StoreError
from kanband.store.verbs import Claim, RunMark, Stale, Want

_LOG: Final = logging.getLogger(__name__)
_STORE_RETRY_S: Final = 0.5
"""After a commit that failed (full disk): nothing is lost, it is tried again."""

T = TypeVar("T")
Outbox = defaultdict[bytes, list[link.DaemonMessage]]


class Crew(Protocol):
    """The fleet, as the dispatch uses it."""

    def verify(self, hello: link.Hello) -> link.Refused | None:
        """Whether this is the worker it says it is; None: it is."""

    def on_hello(self, hello: link.Hello) -> None:
        """It was welcomed."""

    def on_goodbye(self, worker_id: WorkerId, reason: str) -> None:
        """Its exit that follows is expected."""

    def heard(self, worker_id: WorkerId) -> None:
        """It gave a sign of life."""

    def processed(self, worker_id: WorkerId, count: int = 1) -> None:
        """Results of its runs were settled."""

    def restriction(self, worker_id: WorkerId) -> Restriction:
        """What it was started for."""

    def returns(self, worker_id: WorkerId) -> bool:
        """Whether it lives or will be started again by itself."""


class Dispatch:
    """Receiver of the link, ``ports.Runs`` for everybody else."""

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
        self._broken = broken
        self._store = store
        self._crew = crew
        self._profiles = profiles
        self._clock = clock
        self._rng = rng
        self._run_ids = RunIds()
        self.live: Final = LiveTable()
        self.sessions: Final = Sessions()
        self.attention: Final = asyncio.Event()
        """Set when a run is to end that perhaps nobody has in hand."""
        self._post = Post(profiles, daemon_start, passes)
        self._marks = Marks(store)
        self._reports = Reports(self.live, self._post, rng)
        self._due = DueTimer(store, clock, self.wake)
        self._strangers: set[bytes] = set()
        self._heard: dict[WorkerId, Session] = {}
        self._turning = False
        self._giving: set[asyncio.Future[Any]] = set()
        """Commits under way that may give a worker a run."""
        self._claimable = True
        self._accepting = False
        self._store_problem = ""
        self._retry: asyncio.TimerHandle | None = None
        self._presence = Presence.begin(clock.monotonic())

    # ------------------------------------------------------- beginning and ending

    def attach(self, sender: Sender) -> None:
        """Answers leave through ``sender``; before anything comes in."""
        self._post.attach(sender)

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
        self._presence = Presence.begin(self._clock.monotonic())
        self._accepting = True
        self.wake()

    def hold(self) -> None:
        """Assign nothing more; what runs, runs on."""
        self._accepting = False

    async def idle(self) -> None:
        """After ``hold``: return when no run is live, and none is about to be."""
        await self._given()
        await self.live.idle()

    def close(self) -> None:
        """Stop every timer."""
        self.hold()
        self._marks.write()
        self._due.close()
        if self._retry is not None:
            self._retry.cancel()

    # ------------------------------------------------------------- from the link

    def receive(self, peer: bytes, message: link.WorkerMessage) -> None:
        """One message from the link."""
        if isinstance(message, link.Hello):
            self._hello(peer, message)
            return
        session = self.sessions.of_peer(peer)
        if session is None:
            if peer not in self._strangers:
                self._strangers.add(peer)
                self._post.send(peer, [link.HelloWanted()])
            return
        self._heard[session.worker_id] = session
        match message:
            case link.Heartbeat():
                self._heartbeat(session, message)
            case link.Progress():
                self._progress(session, message)
            case link.Goodbye():
                self.sessions.close(session.worker_id, session.incarnation)
                self._crew.on_goodbye(session.worker_id, message.reason)
            case _:
                self._reports.receive(session, message)

    def malformed(self, peer: bytes, reason: str) -> None:
        """A frame that is no message: tell its sender, when it is a worker of ours."""
        if self.sessions.of_peer(peer) is not None:
            self._post.send(peer, [link.Refused(code="malformed", reason=reason)])

    def turn_over(self) -> None:
        """The link has delivered all that waited."""
        self._strangers.clear()
        now = self._clock.monotonic()
        for session in self._heard.values():
            session.heard_at = now
            self._crew.heard(session.worker_id)
        self._heard.clear()
        self._pump()

    def _hello(self, peer: bytes, hello: link.Hello) -> None:
        refused = _unfit(peer, hello) or self._crew.verify(hello)
        if refused is not None:
            _LOG.warning("refused the hello of %s: %s", hello.worker_id, refused.reason)
            self._post.send(peer, [refused])
            return
        restriction = self._crew.restriction(hello.worker_id)
        now = self._clock.monotonic()
        session = self.sessions.open(hello, restriction, now)
        self._post.welcome(session)
        self._crew.on_hello(hello)
        self._crew.heard(hello.worker_id)
        self._reconcile(session, hello.held, fresh=True)
        self.wake()

    def _heartbeat(self, session: Session, beat: link.Heartbeat) -> None:
        self._post.send(session.peer, [link.Beat()])
        for seen in beat.runs:
            run = self.live.get(seen.run_id, seen.epoch)
            if run is not None and run.worker_id == session.worker_id:
                run.percent = max(run.percent, seen.progress)
        running = sum(seen.stage != "finished" for seen in beat.runs)
        if session.has_room(beat.free, running):
            self._claimable = True
        held = tuple(link.Held(seen.run_id, seen.epoch) for seen in beat.runs)
        self._reconcile(session, held, fresh=False)

    def _progress(self, session: Session, progress: link.Progress) -> None:
        run = self.live.get(progress.run_id, progress.epoch)
        if run is not None and run.worker_id == session.worker_id:
            mark = RunMark(
                run_id=run.run_id,
                epoch=run.epoch,
                percent=min(max(progress.percent, 0), 100),
                step=progress.step[: bounds.STEP_CHARS_MAX],
                current_step=max(progress.current_step, 0),
                total_steps=max(progress.total_steps, 0),
            )
            self._take(run, mark)

    def _take(self, run: LiveRun, mark: RunMark) -> None:
        run.take(mark)
        self._marks.note(mark)

    def _reconcile(
        self, session: Session, held: tuple[link.Held, ...], *, fresh: bool
    ) -> None:
        """Make the worker's runs and the leases the same: ``Drop`` and ``Assign``.

        ``fresh``: on a new connection what is missing was lost with the old one; later
        it may still be on its way, for one beat.
        """
        for item in held:
            run = self.live.get(item.run_id, item.epoch)
            if run is None:
                if not self._reports.waits(item.run_id, item.epoch):
                    self._post.drop(session, item.run_id, item.epoch)
            elif run.worker_id == session.worker_id:
                run.adopt = True
                if run.cancel is not None:
                    self._post.cancel(session, run)
            # Else another worker has adopted it. Both may watch it to its end; a
            # Drop would end what the other one holds.
        now = self._clock.monotonic()
        overdue = now - self._profiles.beats.beat_s
        for run in self.live.of(session.worker_id):
            if run.ending:
                # Whoever ended it is done with it. One that was declined left nothing
                # on disk: given out again now, it would begin under a lease that ends.
                continue
            lost = run.sent_at is None or run.sent_at < overdue
            if link.Held(run.run_id, run.epoch) not in held and (fresh or lost):
                self._assign(session, run)

    # ------------------------------------------------------------------ the turn

    def wake(self) -> None:
        """Something may have become claimable."""
        self._claimable = True
        self._pump()

    def due_at(self, due_ms: int | None) -> None:
        """Something becomes claimable at this wall time."""
        self._due.at(due_ms)

    def _pump(self) -> None:
        """Begin a turn, if none is under way and there is a reason for one."""
        if self._turning or self._retry is not None:
            return
        wants = self._wants()
        if not wants and not self._reports:
            return
        now_ms = self._clock.now_ms()
        arrivals = self._reports.take()
        turn = Turn(
            arrivals=arrivals,
            marks=self._marks.take(end.run_id for end in arrivals.ends),
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
        committed = self._giving_soon(self._store.do(turn.apply))
        committed.add_done_callback(lambda done: self._done(turn, done))

    def _wants(self) -> list[Want]:
        """Every free slot, those included that this turn's results free."""
        ending: dict[WorkerId, int] = defaultdict(int)
        # A set: told twice, an end frees one slot.
        for run_id, epoch in {(end.run_id, end.epoch) for end in self._reports.ends}:
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
        self._pump()

    def _not_committed(self, turn: Turn, error: BaseException) -> None:
        """Nothing was acknowledged; keep it and try again."""
        self._store_problem = (
            f"the store refuses writes ({error}); results wait and are tried again "
            "twice a second: free space on its disk"
        )
        _LOG.error("a turn could not be committed: %s", error)
        self._reports.put_back(turn.arrivals)
        for mark in turn.marks:
            self._marks.note(mark)
        self._claimable = True
        loop = asyncio.get_running_loop()
        self._retry = loop.call_later(_STORE_RETRY_S, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        self._pump()

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
        self._hand_out(outcome.claims, outbox)
        for peer, messages in outbox.items():
            self._send(peer, messages)
        self._due.at(outcome.next_due_ms)
        if outcome.woke or len(outcome.claims) >= turn.wanted > 0:
            self._claimable = True

    def _acknowledge(self, arrivals: Arrivals, outbox: Outbox) -> None:
        """Each run's highest committed sequence number, once."""
        highest: dict[tuple[RunId, Epoch], int] = {}
        for report in arrivals.everything():
            key = (report.run_id, report.epoch)
            highest[key] = max(highest.get(key, 0), report.seq)
        for (run_id, epoch), seq in highest.items():
            run = self.live.get(run_id, epoch)
            if run is not None:
                run.last_seq = max(run.last_seq, seq)
            peer = arrivals.peers.get((run_id, epoch))
            if peer is not None:
                ack = link.Ack(run_id=run_id, epoch=epoch, seq=seq)
                outbox[peer].append(ack)

    def _hand_out(self, claims: list[Claim], outbox: Outbox) -> None:
        now = self._clock.monotonic()
        for claim in claims:
            terms = self._profiles.terms(claim.agent, claim.timeout_s)
            run = LiveRun.claimed(claim, terms, now)
            self.live.add(run)
            session = self.sessions.of(claim.worker_id)
            if session is None:
                self._give_back(run)
            else:
                run.given(session.incarnation, now)
                outbox[session.peer].append(self._post.assignment(run))

    def _send(self, peer: bytes, messages: list[link.DaemonMessage]) -> None:
        """What cannot be sent holds up nothing else of a committed turn."""
        try:
            sent = self._post.send(peer, messages)
        except ProtocolBug as error:
            if len(messages) > 1:
                for message in messages:
                    self._send(peer, [message])
                return
            self._unsendable(messages[0], error)
            return
        for message in messages:
            run = _assigned(message, self.live)
            if run is not None and not sent:
                run.sent_at = None  # The next heartbeat makes up for it.

    def _assign(self, session: Session, run: LiveRun) -> None:
        run.given(session.incarnation, self._clock.monotonic())
        self._send(session.peer, [self._post.assignment(run)])

    def _unsendable(self, message: link.DaemonMessage, error: ProtocolBug) -> None:
        _LOG.error("cannot be sent: %s", error)
        run = _assigned(message, self.live)
        if run is not None and not (run.adopt or run.started):
            text = (
                f"it cannot be given to a worker: {error}; shorten the texts of the "
                f"ticket or of the agent profile {run.agent}"
            )
            self._end(run, Result(outcome="error", failure="setup", message=text))

    def _give_back(self, run: LiveRun) -> None:
        """If nobody has it, and who should have got it does not return: end it."""
        if run.untouched and not self._crew.returns(run.worker_id):
            text = f"not begun: its worker {run.worker_id} has left; another will do it"
            result = Result(outcome="aborted", failure="shutdown", message=text)
            self._end(run, result)

    def _end(self, run: LiveRun, result: Result) -> None:
        """With the next turn."""
        if run.ending:
            return
        report = link.Finished(
            run_id=run.run_id,
            epoch=run.epoch,
            seq=run.seen_seq + 1,
            ended_ms=self._clock.now_ms(),
            result=result,
        )
        self._reports.queue(report, run)

    def _giving_soon(self, commit: "asyncio.Future[T]") -> "asyncio.Future[T]":
        self._giving.add(commit)
        commit.add_done_callback(self._giving.discard)
        return commit

    async def _given(self) -> None:
        """Return when what is under way to workers now has come to the live runs."""
        if self._giving:
            await asyncio.wait(set(self._giving))

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
            self._post.cancel(session, run)
        await run.ended.wait()

    def end_unreported(self, run: LiveRun, result: Result) -> None:
        """A run that no worker will report any more has ended, as the reaper found."""
        self._end(run, result)
        self._pump()

    async def adopt(
        self, run: LiveRun, heir: WorkerId, moving: asyncio.Future[list[RunId]]
    ) -> None:
        """Give a live run to another worker once its transfer is committed. An heir
        that has gone meanwhile gets it with its next hello. Raises what the store does.
        """
        moved = await self._giving_soon(moving)
        if run.run_id not in moved or self.live.get(run.run_id) is not run:
            return
        _LOG.info("run %s of %s goes to %s", run.run_id, run.worker_id, heir)
        self.live.hand_over(run, heir)
        session = self.sessions.of(heir)
        if session is None:
            self._give_back(run)
        else:
            self._assign(session, run)
        self.wake()  # It leaves a slot behind.

    def worker_gone(self, worker_id: WorkerId, incarnation: str) -> None:
        """The worker's process has ended; its runs wait for the next one. Those that
        never came to it go back, if there is to be none.
        """
        self.sessions.close(worker_id, incarnation)
        for run in self.live.of(worker_id):
            self._give_back(run)
        self._pump()

    def drain_worker(self, worker_id: WorkerId, deadline_s: float) -> bool:
        """Ask a worker to leave; False: it is not connected."""
        session = self.sessions.of(worker_id)
        if session is None:
            return False
        session.draining = True
        return self._post.send(session.peer, [link.Drain(deadline_s=deadline_s)])

    async def runs_ended(self, worker_id: WorkerId) -> None:
        """End what a worker that is not to come back has left; return once it is so.

        Nobody else adopts these runs: ``orphans`` reaps them as ``shutdown``. Without
        a session it gets no further ones but those that are under way now.
        """
        await self._given()
        left = self.live.of(worker_id)
        for run in left:
            run.cancel = run.cancel or "shutdown"
        self.attention.set()
        for run in left:
            await run.ended.wait()

    def awake(self) -> float:
        """The loop turns, and since when without a gap; called every beat and before
        anybody's silence is judged, so that our own absence is noticed first.
        """
        beat_s = self._profiles.beats.beat_s
        self._presence = self._presence.tick(self._clock.monotonic(), beat_s)
        return self._presence.since

    @property
    def beats(self) -> Beats:
        """When a worker's silence counts for what."""
        return self._profiles.beats

    def staleness(self, run: LiveRun) -> Staleness:
        """How much a lease is in doubt: ``core.staleness``."""
        session = self.sessions.of(run.worker_id)
        heard_at = None if session is None else session.heard_at
        signs = (run.since, heard_at, self._presence.since)
        return staleness(self._clock.monotonic(), signs, self._profiles.beats)

    # ----------------------------------------------------------------- for people

    def live_runs(self, worker_id: WorkerId) -> list[RunId]:
        """The runs that a worker holds."""
        return [run.run_id for run in self.live.of(worker_id)]

    def connected(self, worker_id: str) -> bool:
        """Whether it has a session and was heard of lately."""
        now, beats = self._clock.monotonic(), self._profiles.beats
        return self.sessions.connected(WorkerId(worker_id), now, beats)

    def version(self, worker_id: str) -> str | None:
        """See ``ports.Runs``."""
        session = self.sessions.of(WorkerId(worker_id))
        return None if session is None else session.program_version or None

    def heard_age_s(self, worker_id: str) -> float | None:
        """Seconds since its last sign of life."""
        now = self._clock.monotonic()
        return self.sessions.silence_s(WorkerId(worker_id), now)

    def progress(self, run_id: str) -> RunMark | None:
        """How far a live run is."""
        run = self.live.get(RunId(run_id))
        return None if run is None else run.mark

    def mark(self, mark: RunMark) -> bool:
        """A run's agent says how far it is; see ``ports.Runs``."""
        run = self.live.get(mark.run_id, mark.epoch)
        if run is None:
            return False
        self._take(run, mark)
        return True

    def work(self, run_id: RunId, epoch: Epoch) -> LiveWork | None:
        """What a live run is about; see ``ports.Runs``."""
        run = self.live.get(run_id, epoch)
        if run is None:
            return None
        return LiveWork(run.work, run.attempt, cancelled=run.cancel is not None)

    def current(self, worker_id: str) -> list[CurrentRun]:
        """What a worker is busy with."""
        now = self._clock.monotonic()
        return [
            CurrentRun(
                ticket_id=run.work.ticket_id,
                run_id=run.run_id,
                title=run.work.title,
                progress=run.percent,
                stale=self.staleness(run),
                running_s=round(now - run.since, 3),
                step=run.step,
                current_step=run.current_step,
                total_steps=run.total_steps,
            )
            for run in self.live.of(WorkerId(worker_id))
        ]

    def problems(self) -> list[str]:
        """What of the dispatch needs attention."""
        return [self._store_problem] if self._store_problem else []


def _assigned(message: link.DaemonMessage, live: LiveTable) -> LiveRun | None:
    """The run that a message assigns."""
    return live.get(message.run_id) if isinstance(message, link.Assign) else None


def _unfit(peer: bytes, hello: link.Hello) -> link.Refused | None:
    """Why a hello cannot be right, whoever sends it."""
    if hello.version != bounds.LINK_VERSION:
        reason = (
            f"this daemon speaks version {bounds.LINK_VERSION} of the link, the "
            f"worker {hello.version}; restart the worker with the installed version"
        )
        return link.Refused(code="version", reason=reason)
    if peer != link.identity(hello.worker_id, hello.incarnation):
        reason = "the connection's identity is not the hello's"
        return link.Refused(code="malformed", reason=reason)
    return None
