"""The fleet's door on the link: which member it is that says hello, and that it lives.

Decided here: that a guest's hello, once it is proven, makes it a member. What proves
it is in ``gate`` (our own workers) and ``guests``. Absent: what a worker may say when
it is in (``reception``).
"""

from collections.abc import Callable

from kanban_ipc.link import Hello, Refused
from kanban_ipc.words import WorkerId
from kanband.config import Config
from kanband.shell import gate, guests
from kanband.shell.crew import Ground
from kanband.shell.guests import GUESTS_MAX
from kanband.shell.live import Restriction
from kanband.shell.member import Member
from kanband.shell.ports import Clock


class Door:
    """Implements ``reception.Admission``."""

    def __init__(
        self, config: Config, members: dict[str, Member], clock: Clock
    ) -> None:
        """Nobody is let in before ``open``."""
        self.config = config
        """In force now: its profiles are what a guest may be for."""
        self._members = members
        self._clock = clock
        self._ground: Ground
        self._pass_sha256 = ""
        self._welcomed: Callable[[], None] = lambda: None

    def open(
        self, ground: Ground, pass_sha256: str, welcomed: Callable[[], None]
    ) -> None:
        """Guests stand on ``ground``; theirs is the pass of this digest. ``welcomed``
        is told of every hello."""
        self._welcomed = welcomed
        self._ground = ground
        self._pass_sha256 = pass_sha256

    def verify(self, hello: Hello) -> Refused | None:
        """Whether this is the worker that it says it is; None: it is."""
        member = self._members.get(hello.worker_id)
        if not hello.guest:
            return gate.verify(hello, member)
        refused = guests.verify(
            hello,
            member,
            self._pass_sha256,
            self.config.agents,
            self.config.state_dir,
        )
        if refused is None and member is None and len(self._members) >= GUESTS_MAX:
            reason = f"{GUESTS_MAX} workers are known already; restart the daemon"
            refused = Refused(code="unknown_worker", reason=reason)
        if refused is None:
            self._admit(hello)
        return refused

    def _admit(self, hello: Hello) -> None:
        row = guests.row(hello)
        name = hello.worker_id
        if name not in self._members:
            self._members[name] = Member(row, self._ground)
        self._members[name].admitted(row)

    def on_hello(self, hello: Hello) -> None:
        """It was verified and welcomed."""
        member = self._members[hello.worker_id]
        if hello.guest:
            member.on_guest(hello.process)
        else:
            member.on_hello(hello.process)
        self._welcomed()

    def on_goodbye(self, worker_id: WorkerId, reason: str) -> None:
        """Its exit that follows is expected."""
        current = self._members[worker_id].body.now
        if current is not None:
            current.goodbye = reason

    def heard(self, worker_id: WorkerId) -> None:
        """It gave a sign of life on the link."""
        current = self._members[worker_id].body.now
        if current is not None:
            current.heard_at = self._clock.monotonic()

    def restriction(self, worker_id: WorkerId) -> Restriction:
        """What it was started for."""
        row = self._members[worker_id].row
        agents = frozenset(row.agents) if row.agents else None
        return Restriction(agents, row.repo_path, frozenset(row.labels))
