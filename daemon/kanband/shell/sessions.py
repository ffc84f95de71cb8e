"""Who has said hello: the sessions of the workers on the link.

Decided here: when a worker counts as connected. Absent: whether it may be here (the
fleet verifies) and what it is given (the dispatch).
"""

from kanban_ipc.link import Hello
from kanban_ipc.words import WorkerId
from kanband.core.staleness import Beats
from kanband.shell.live import Restriction, Session


class Sessions:
    """Sessions by worker and by the connection's identity."""

    def __init__(self) -> None:
        """Empty."""
        self._of_worker: dict[WorkerId, Session] = {}
        self._of_peer: dict[bytes, Session] = {}

    def open(
        self,
        hello: Hello,
        restriction: Restriction,
        now: float,
    ) -> Session:
        """A verified worker has said hello; an older session of its id is over."""
        old = self._of_worker.get(hello.worker_id)
        if old is not None:
            self._of_peer.pop(old.peer, None)
        session = Session(
            worker_id=hello.worker_id,
            incarnation=hello.incarnation,
            slots=hello.slots,
            heard_at=now,
            draining=hello.draining,
            only=restriction,
            program_version=hello.program_version,
        )
        self._of_worker[session.worker_id] = session
        self._of_peer[session.peer] = session
        return session

    def close(self, worker_id: WorkerId, incarnation: str) -> None:
        """This start of the worker is over."""
        session = self._of_worker.get(worker_id)
        if session is not None and session.incarnation == incarnation:
            del self._of_worker[worker_id]
            self._of_peer.pop(session.peer, None)

    def of_peer(self, peer: bytes) -> Session | None:
        """The session that a connection belongs to."""
        return self._of_peer.get(peer)

    def of(self, worker_id: WorkerId) -> Session | None:
        """The session of a worker."""
        return self._of_worker.get(worker_id)

    def everyone(self) -> list[Session]:
        """All of them."""
        return list(self._of_worker.values())

    def silence_s(self, worker_id: WorkerId, now: float) -> float | None:
        """Seconds since the worker was last heard of; None: it has no session."""
        session = self._of_worker.get(worker_id)
        return None if session is None else now - session.heard_at

    def connected(self, worker_id: WorkerId, now: float, beats: Beats) -> bool:
        """Whether it has a session and was heard of before it would be STALE."""
        silence_s = self.silence_s(worker_id, now)
        return silence_s is not None and silence_s < beats.stale_s
