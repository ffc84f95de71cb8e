"""What comes in over the link: who may say what, and what each word changes at once.

Decided here: whom a message may come from, and how a worker's runs and the leases are
made the same again (``Drop``, ``Assign``). Nothing is committed here: reports wait for
the dispatch's next turn, which begins when the link has delivered all that waited.
"""

import logging
from typing import Final, Protocol

from kanban_ipc import bounds, link
from kanban_ipc.words import WorkerId
from kanband.shell.dispatch import Dispatch
from kanband.shell.live import Restriction, Session
from kanband.shell.ports import Clock
from kanband.shell.profiles import Profiles
from kanband.store.values import RunMark

_LOG: Final = logging.getLogger(__name__)


class Admission(Protocol):
    """The fleet, as far as it minds who is on the link."""

    def verify(self, hello: link.Hello) -> link.Refused | None:
        """Whether this is the worker it says it is; None: it is."""

    def on_hello(self, hello: link.Hello) -> None:
        """It was welcomed."""

    def on_goodbye(self, worker_id: WorkerId, reason: str) -> None:
        """Its exit that follows is expected."""

    def heard(self, worker_id: WorkerId) -> None:
        """It gave a sign of life."""

    def restriction(self, worker_id: WorkerId) -> Restriction:
        """What it was started for."""


class Reception:
    """Receiver of the link."""

    def __init__(
        self,
        dispatch: Dispatch,
        *,
        admission: Admission,
        profiles: Profiles,
        clock: Clock,
    ) -> None:
        """Nobody has said anything."""
        self._dispatch = dispatch
        self._admission = admission
        self._profiles = profiles
        self._clock = clock
        self._live = dispatch.live
        self._sessions = dispatch.sessions
        self._post = dispatch.post
        self._reports = dispatch.reports
        self._marks = dispatch.marks
        self._strangers: set[bytes] = set()
        self._heard: dict[WorkerId, Session] = {}

    def receive(self, peer: bytes, message: link.WorkerMessage) -> None:
        """One message from the link."""
        if isinstance(message, link.Hello):
            self._hello(peer, message)
            return
        session = self._sessions.of_peer(peer)
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
                self._sessions.close(session.worker_id, session.incarnation)
                self._admission.on_goodbye(session.worker_id, message.reason)
            case _:
                self._reports.receive(session, message)

    def malformed(self, peer: bytes, reason: str) -> None:
        """A frame that is no message: tell its sender, when it is a worker of ours."""
        if self._sessions.of_peer(peer) is not None:
            self._post.send(peer, [link.Refused(code="malformed", reason=reason)])

    def turn_over(self) -> None:
        """The link has delivered all that waited."""
        self._strangers.clear()
        now = self._clock.monotonic()
        for session in self._heard.values():
            session.heard_at = now
            self._admission.heard(session.worker_id)
        self._heard.clear()
        self._dispatch.turn()

    def _hello(self, peer: bytes, hello: link.Hello) -> None:
        refused = _unfit(peer, hello) or self._admission.verify(hello)
        if refused is not None:
            _LOG.warning("refused the hello of %s: %s", hello.worker_id, refused.reason)
            self._post.send(peer, [refused])
            return
        restriction = self._admission.restriction(hello.worker_id)
        now = self._clock.monotonic()
        session = self._sessions.open(hello, restriction, now)
        self._post.welcome(session, hello.version)
        self._admission.on_hello(hello)
        self._admission.heard(hello.worker_id)
        self._reconcile(session, hello.held, fresh=True)
        self._dispatch.wake()

    def _heartbeat(self, session: Session, beat: link.Heartbeat) -> None:
        self._post.send(session.peer, [link.Beat()])
        for seen in beat.runs:
            run = self._live.get(seen.run_id, seen.epoch)
            if run is not None and run.worker_id == session.worker_id:
                run.percent = max(run.percent, seen.progress)
        running = sum(seen.stage != "finished" for seen in beat.runs)
        if session.has_room(beat.free, running):
            self._dispatch.room_found()
        held = tuple(link.Held(seen.run_id, seen.epoch) for seen in beat.runs)
        self._reconcile(session, held, fresh=False)

    def _progress(self, session: Session, progress: link.Progress) -> None:
        run = self._live.get(progress.run_id, progress.epoch)
        if run is not None and run.worker_id == session.worker_id:
            mark = RunMark(
                run_id=run.run_id,
                epoch=run.epoch,
                percent=min(max(progress.percent, 0), 100),
                step=progress.step[: bounds.STEP_CHARS_MAX],
                current_step=max(progress.current_step, 0),
                total_steps=max(progress.total_steps, 0),
            )
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
            run = self._live.get(item.run_id, item.epoch)
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
        for run in self._live.of(session.worker_id):
            if run.ending or run.moving:
                # Whoever ended it is done with it. One that was declined left nothing
                # on disk: given out again now, it would begin under a lease that ends.
                # One that moves is its heir's soon, or given out at a later beat.
                continue
            lost = run.sent_at is None or run.sent_at < overdue
            if link.Held(run.run_id, run.epoch) not in held and (fresh or lost):
                self._dispatch.assignments.assign(session, run)


def _unfit(peer: bytes, hello: link.Hello) -> link.Refused | None:
    """Why a hello cannot be right, whoever sends it."""
    oldest, newest = bounds.LINK_VERSION_OLDEST, bounds.LINK_VERSION
    if not oldest <= hello.version <= newest:
        spoken = f"{oldest} to {newest}" if oldest < newest else f"{newest}"
        reason = (
            f"this daemon speaks version {spoken} of the link, the worker "
            f"{hello.version}; restart the worker with the installed version"
        )
        return link.Refused(code="version", reason=reason)
    if peer != link.identity(hello.worker_id, hello.incarnation):
        reason = "the connection's identity is not the hello's"
        return link.Refused(code="malformed", reason=reason)
    return None
