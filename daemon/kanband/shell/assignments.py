"""Runs on their way into workers' hands, and back when there are none.

Decided here: what is remembered of an assignment that left, and what becomes of a run
that cannot be given: one whose worker left before it got it, one that no message can
carry. Absent: which ticket is claimed for whom (the store) and when (``dispatch``).
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final, Protocol, TypeVar

from kanban_ipc import link
from kanban_ipc.errors import ProtocolBug
from kanban_ipc.link import Result
from kanban_ipc.words import WorkerId
from kanband.shell.live import LiveRun, LiveTable, Session
from kanband.shell.ports import Clock
from kanband.shell.post import Post
from kanband.shell.profiles import Profiles
from kanband.shell.reports import Reports
from kanband.shell.sessions import Sessions
from kanband.store.values import Claim

_LOG: Final = logging.getLogger(__name__)

T = TypeVar("T")
Outbox = defaultdict[bytes, list[link.DaemonMessage]]
"""What leaves after a commit, by the connection's identity."""


class Prospects(Protocol):
    """The fleet, as far as a run's future depends on it."""

    def returns(self, worker_id: WorkerId) -> bool:
        """Whether it lives or will be started again by itself."""


class Assignments:
    """Gives live runs to the workers that hold their leases."""

    def __init__(
        self,
        *,
        live: LiveTable,
        sessions: Sessions,
        post: Post,
        reports: Reports,
        prospects: Prospects,
        profiles: Profiles,
        clock: Clock,
    ) -> None:
        """Nothing is under way."""
        self._live = live
        self._sessions = sessions
        self._post = post
        self._reports = reports
        self._prospects = prospects
        self._profiles = profiles
        self._clock = clock
        self._coming: set[asyncio.Future[Any]] = set()
        """Commits under way that may give a worker a run."""

    def hand_out(self, claims: Iterable[Claim], outbox: Outbox) -> None:
        """Claims were committed: they are live, and leave with ``outbox``."""
        now = self._clock.monotonic()
        for claim in claims:
            terms = self._profiles.terms(claim.agent, claim.timeout_s)
            run = LiveRun.claimed(claim, terms, now)
            self._live.add(run)
            session = self._sessions.of(claim.worker_id)
            if session is None:
                self.give_back(run)
            else:
                run.given(session.incarnation, now)
                outbox[session.peer].append(self._post.assignment(run))

    def send(self, peer: bytes, messages: list[link.DaemonMessage]) -> None:
        """What cannot be sent holds up nothing else of a committed turn."""
        try:
            sent = self._post.send(peer, messages)
        except ProtocolBug as error:
            if len(messages) > 1:
                for message in messages:
                    self.send(peer, [message])
                return
            self._unsendable(messages[0], error)
            return
        for message in messages:
            run = _assigned(message, self._live)
            if run is not None and not sent:
                run.sent_at = None  # The next heartbeat makes up for it.

    def assign(self, session: Session, run: LiveRun) -> None:
        """Outside a turn: again, or to an heir."""
        run.given(session.incarnation, self._clock.monotonic())
        self.send(session.peer, [self._post.assignment(run)])

    def _unsendable(self, message: link.DaemonMessage, error: ProtocolBug) -> None:
        _LOG.error("cannot be sent: %s", error)
        run = _assigned(message, self._live)
        if run is not None and not (run.adopt or run.started):
            text = (
                f"it cannot be given to a worker: {error}; shorten the texts of the "
                f"ticket or of the agent profile {run.agent}"
            )
            self.end(run, Result(outcome="error", failure="setup", message=text))

    def give_back(self, run: LiveRun) -> None:
        """If nobody has it, and who should have got it does not return: end it."""
        if run.untouched and not self._prospects.returns(run.worker_id):
            text = f"not begun: its worker {run.worker_id} has left; another will do it"
            result = Result(outcome="aborted", failure="shutdown", message=text)
            self.end(run, result)

    def end(self, run: LiveRun, result: Result) -> None:
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

    def soon(self, commit: "asyncio.Future[T]") -> "asyncio.Future[T]":
        """A commit is under way that may give a worker a run."""
        self._coming.add(commit)
        commit.add_done_callback(self._coming.discard)
        return commit

    async def all_given(self) -> None:
        """Return when what is under way to workers now has come to the live runs."""
        if self._coming:
            await asyncio.wait(set(self._coming))


def _assigned(message: link.DaemonMessage, live: LiveTable) -> LiveRun | None:
    """The run that a message assigns."""
    return live.get(message.run_id) if isinstance(message, link.Assign) else None
