"""Both implementations of the store's verbs, behind one handle; and short words for
what tests do with them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import apsw

from kanban_ipc.control import ListCall, NewTicket, RunsCall, Ticket
from kanban_ipc.link import Result
from kanban_ipc.words import (
    Epoch,
    FailureClass,
    QuestionKind,
    RunId,
    TicketState,
    WorkerId,
)
from kanband.core.history import Violation, check
from kanband.core.ids import uuid7
from kanband.store.model import ModelReads, ModelVerbs, World
from kanband.store.opening import open_store
from kanband.store.questions import Reads
from kanband.store.sqlite import SqliteReads, SqliteVerbs
from kanband.store.values import (
    AgentGate,
    Claim,
    ClaimPolicy,
    Landed,
    Moved,
    MoveRefusal,
    RetryPolicy,
    RunEnd,
    RunQuestion,
    RunStart,
    SettleOutcome,
    Stale,
    Want,
)
from kanband.store.verbs import Verbs

T = TypeVar("T")
ALL = 1_000_000
POLICY = ClaimPolicy(
    default_agent="shell",
    agents={
        "shell": AgentGate(),
        "other": AgentGate(),
        "place": AgentGate(in_place=True),
    },
)


class Handle(Protocol):
    """What a conformance test needs of an implementation."""

    reads: Reads

    def do(self, call: Callable[[Verbs], T]) -> T:
        """One call, one transaction."""
        ...


class ModelHandle:
    def __init__(self) -> None:
        world = World()
        self._verbs = ModelVerbs(world)
        self.reads: Reads = ModelReads(world)

    def do(self, call: Callable[[Verbs], T]) -> T:
        return call(self._verbs)


class SqliteHandle:
    def __init__(self, db: apsw.Connection) -> None:
        self.db = db
        self._verbs = SqliteVerbs(db)
        self.reads: Reads = SqliteReads(db)

    def do(self, call: Callable[[Verbs], T]) -> T:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            return call(self._verbs)
        finally:
            self.db.execute("COMMIT")


@contextmanager
def sqlite_handle(path: Path) -> Iterator[SqliteHandle]:
    db = open_store(path)
    # The tests' file dies with them: nothing is gained by waiting for the disk.
    db.pragma("synchronous", "OFF")
    try:
        yield SqliteHandle(db)
    finally:
        db.close()


class Bench:
    """A store with a clock and fresh ids: one word for each thing a test does."""

    def __init__(self, handle: Handle) -> None:
        self.handle = handle
        self.reads = handle.reads
        self.now_ms = 1_000_000
        self.policy = POLICY
        self.retries = RetryPolicy()
        self._ids = 0

    def do(self, call: Callable[[Verbs], T]) -> T:
        return self.handle.do(call)

    def run_id(self) -> RunId:
        self._ids += 1
        return uuid7(1_700_000_000_000 + self._ids, self._ids.to_bytes(8, "big"))

    def add(self, *titles: str, ready: bool = True, **fields: Any) -> list[int]:
        outcome = self.do(
            lambda verbs: verbs.add(
                [NewTicket(title=title, **fields) for title in titles],
                ready=ready,
                now_ms=self.now_ms,
            )
        )
        assert not outcome.refused
        return [added.ticket.id for added in outcome.added]

    def one(self, *, ready: bool = True, **fields: Any) -> int:
        return self.add("A ticket", ready=ready, **fields)[0]

    def claim(
        self, count: int = 1, *, worker: str = "worker-1", **want: Any
    ) -> list[Claim]:
        return self.claim_for([Want(worker_id=WorkerId(worker), count=count, **want)])

    def claim_for(self, wants: Sequence[Want]) -> list[Claim]:
        ids = [self.run_id() for _ in range(sum(want.count for want in wants))]
        return self.do(
            lambda verbs: verbs.claim(
                wants, self.policy, run_ids=ids, now_ms=self.now_ms
            )
        )

    def claimed(self, count: int = ALL, **want: Any) -> list[int]:
        """The tickets that a claim of so many gives, in its order."""
        return [one.work.ticket_id for one in self.claim(min(count, 100), **want)]

    def start(self, claim: Claim, **fields: Any) -> bool:
        start = RunStart(
            run_id=claim.run_id,
            epoch=claim.epoch,
            seq=1,
            started_ms=self.now_ms,
            **fields,
        )
        return self.do(lambda verbs: verbs.start([start], now_ms=self.now_ms))[0]

    def ask(
        self,
        claim: Claim,
        text: str = "Which?",
        *,
        kind: QuestionKind = "clarification",
        choices: tuple[str, ...] = (),
        seq: int = 0,
    ) -> bool:
        question = RunQuestion(
            run_id=claim.run_id,
            epoch=claim.epoch,
            seq=seq,
            asked_ms=self.now_ms,
            kind=kind,
            text=text,
            choices=choices,
        )
        return self.do(lambda verbs: verbs.ask([question], now_ms=self.now_ms))[0]

    def answer(self, ticket_id: int, text: str) -> Moved | MoveRefusal:
        return self.do(lambda verbs: verbs.answer(ticket_id, text, now_ms=self.now_ms))

    def end(
        self, claim: Claim, failure: FailureClass | None = None, **fields: Any
    ) -> RunEnd:
        """The end of a claimed run; by default it finished."""
        on = {
            name: fields.pop(name)
            for name in ("on_success", "jitter", "seq", "provider")
            if name in fields
        }
        outcome = fields.pop("outcome", "error" if failure else "finished")
        result = Result(
            outcome=outcome, failure=failure, agent_started_ms=self.now_ms, **fields
        )
        return RunEnd(
            **{"seq": 2, **on},
            run_id=claim.run_id,
            epoch=claim.epoch,
            ended_ms=self.now_ms,
            result=result,
        )

    def settle(self, *ends: RunEnd) -> SettleOutcome:
        return self.do(
            lambda verbs: verbs.settle(ends, self.retries, now_ms=self.now_ms)
        )

    def finish(
        self, claim: Claim, failure: FailureClass | None = None, **fields: Any
    ) -> Landed:
        """Settle one run, which must land."""
        landed = self.settle(self.end(claim, failure, **fields)).ends[0]
        assert isinstance(landed, Landed)
        return landed

    def stale(self, end: RunEnd) -> None:
        assert self.settle(end).ends == [Stale(run_id=end.run_id, epoch=end.epoch)]

    def brought_to(self, state: TicketState, **fields: Any) -> int:
        """A new ticket, led into a state that this version can reach."""
        if state in ("backlog", "ready"):
            return self.one(ready=state == "ready", **fields)
        ticket = self.one(**fields)
        if state == "blocked":
            self.do(lambda verbs: verbs.move(ticket, "Blocked", now_ms=self.now_ms))
        elif state == "cancelled":
            self.do(
                lambda verbs: verbs.cancel([ticket], requeue=False, now_ms=self.now_ms)
            )
        else:
            self._worked_to(state, ticket)
        assert self.ticket(ticket).state == state
        return ticket

    def _worked_to(self, state: TicketState, ticket: int) -> None:
        (claim,) = self.claim()
        assert claim.work.ticket_id == ticket
        if state != "assigned":
            self.start(claim)
        if state == "failed":
            self.finish(claim, "auth")
        elif state == "needs_input":
            self.ask(claim)
            self.finish(claim)
        elif state in ("in_review", "approved"):
            self.finish(claim)
        elif state == "completed":
            self.finish(claim, on_success="complete")
        if state == "approved":
            self.do(lambda verbs: verbs.move(ticket, "Done", now_ms=self.now_ms))

    def ticket(self, ticket_id: int) -> Ticket:
        found = self.reads.ticket(ticket_id)
        assert found is not None
        return found

    def states(self) -> dict[int, str]:
        page, _total = self.reads.tickets(ListCall(limit=ALL, cancelled=True))
        return {ticket.id: ticket.state for ticket in page}

    def types(self, ticket_id: int | None = None) -> list[str]:
        events = self.reads.events(since=0, limit=ALL, ticket_id=ticket_id)
        return [event.type for event in events]

    def violations(self) -> list[Violation]:
        page, _total = self.reads.tickets(ListCall(limit=ALL, cancelled=True))
        runs = self.reads.runs(RunsCall(limit=ALL))
        events, base = self.reads.events(since=0, limit=ALL), self.reads.journal_base()
        return check(page, runs, events, base=base)


def epoch(number: int) -> Epoch:
    return Epoch(number)
