"""What the store is asked: its questions, which see only what is committed.

They run on read-only connections and change nothing. ``sqlite`` and ``model`` obey
this page as they do ``verbs``.
"""

from collections.abc import Sequence
from typing import Protocol

from kanban_ipc.control import (
    BoardQueue,
    Event,
    ListCall,
    QueueInfo,
    Run,
    RunsCall,
    Ticket,
    TicketComment,
)
from kanban_ipc.words import (
    RunId,
)
from kanband.core.cooldowns import CoolDown
from kanband.store.values import Lease, RunLog, Schedule, WorkerRow


class Reads(Protocol):
    """Questions; they change nothing.

    A ``Run`` has ``run_dir`` relative to the state directory, and its progress only as
    far as it follows from its state; the daemon knows more.
    """

    def ticket(self, ticket_id: int) -> Ticket | None: ...

    def tickets(self, query: ListCall) -> tuple[list[Ticket], int]:
        """A page, and how many there are in all."""

    def matching(self, query: ListCall) -> list[int]:
        """The numbers of every ticket that a query finds, in order of age; its page
        and its sorting do not matter."""

    def run(self, run_id: RunId) -> Run | None: ...

    def find_runs(self, text: str) -> list[Run]:
        """By id, unique beginning of one (at least 4 characters; up to 10 found), or a
        ticket's number for its latest.
        """

    def runs(self, query: RunsCall) -> list[Run]:
        """Newest first."""

    def run_log(self, run_id: RunId, *, limit: int) -> list[RunLog]: ...

    def leases(self) -> list[Lease]:
        """Every live run."""

    def workers(self) -> list[WorkerRow]: ...

    def wanted_workers(self) -> int | None: ...

    def queue(self) -> QueueInfo:
        """Counts; ``active_workers`` is 0 here, the daemon knows it."""

    def boards(self) -> list[BoardQueue]:
        """In their order."""

    def next_due_ms(self) -> int | None: ...

    def schedules(self) -> list[Schedule]:
        """By number."""

    def cooldowns(self) -> list[CoolDown]:
        """Providers that refused and have not worked since, by name."""

    def events(
        self,
        *,
        since: int,
        limit: int,
        ticket_id: int | None = None,
        types: Sequence[str] = (),
    ) -> list[Event]:
        """After the cursor, oldest first."""

    def events_of_run(
        self, ticket_id: int, run_id: RunId, *, since: int, limit: int
    ) -> list[Event]:
        """What the journal says of one run of the ticket, after the cursor."""

    def last_seq(self) -> int:
        """The journal's head."""

    def journal_base(self) -> int:
        """Cursors below it have expired."""

    def journal_before(self, ts_ms: int) -> int:
        """The last of the entries, from the oldest on, that are older than this; never
        the newest of all. At least the base."""

    def blockers(self, ticket_id: int) -> list[Ticket]:
        """Uncompleted tickets it depends on."""

    def comments(
        self, ticket_id: int, *, limit: int
    ) -> tuple[list[TicketComment], int]:
        """The latest, oldest first; and how many there are."""

    def repo_holders(self, repo_path: str) -> list[Run]:
        """Live runs in a repository."""
