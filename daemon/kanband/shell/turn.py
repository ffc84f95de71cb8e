"""One turn of the dispatch: what came in together is committed together.

Everything that the link brought in one turn of the loop, and every free slot, become
one transaction: starts, log lines, results, then the claims that fill the slots. What
leaves (acknowledgements, assignments) leaves after its commit.
"""

from dataclasses import dataclass, field

from kanban_ipc.words import Epoch, RunId
from kanband.store.values import (
    Claim,
    ClaimPolicy,
    Landed,
    RetryPolicy,
    RunEnd,
    RunLog,
    RunMark,
    RunQuestion,
    RunStart,
    Stale,
    Want,
)
from kanband.store.verbs import Verbs


@dataclass(slots=True)
class Arrivals:
    """Reliable messages that wait for their commit, in the order of their coming."""

    starts: list[RunStart] = field(default_factory=list)
    logs: list[RunLog] = field(default_factory=list)
    asks: list[RunQuestion] = field(default_factory=list)
    ends: list[RunEnd] = field(default_factory=list)
    peers: dict[tuple[RunId, Epoch], bytes] = field(default_factory=dict)
    """Who reported a run, and so is to be acknowledged."""

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self.starts or self.logs or self.asks or self.ends)

    def everything(self) -> list[RunStart | RunLog | RunQuestion | RunEnd]:
        """Starts, log lines, questions and results, in this order."""
        return [*self.starts, *self.logs, *self.asks, *self.ends]

    def highest(self) -> dict[tuple[RunId, Epoch], int]:
        """Each run's highest sequence number: what one acknowledgement says of it."""
        highest: dict[tuple[RunId, Epoch], int] = {}
        for report in self.everything():
            key = (report.run_id, report.epoch)
            highest[key] = max(highest.get(key, 0), report.seq)
        return highest

    def put_back(self, earlier: "Arrivals") -> None:
        """``earlier`` could not be committed: it comes first again."""
        self.starts[:0] = earlier.starts
        self.logs[:0] = earlier.logs
        self.asks[:0] = earlier.asks
        self.ends[:0] = earlier.ends
        self.peers = {**earlier.peers, **self.peers}


@dataclass(slots=True)
class TurnOutcome:
    """What a committed turn has decided."""

    ends: list[Landed | Stale]
    claims: list[Claim]
    woke: bool
    next_due_ms: int | None


@dataclass(slots=True)
class Turn:
    """One transaction of the dispatch."""

    arrivals: Arrivals
    wants: list[Want]
    run_ids: list[RunId]
    claim_policy: ClaimPolicy
    retry_policy: RetryPolicy
    now_ms: int
    marks: list[RunMark] = field(default_factory=list)
    """The last progress of runs that end in it."""

    @property
    def wanted(self) -> int:
        """Slots to fill."""
        return sum(want.count for want in self.wants)

    def _starts_alone(self) -> list[RunStart]:
        """Starts whose result is not here as well: ``settle`` makes up for the others.

        Measured: a quarter of what a ticket costs that begins and ends in one turn.
        """
        if not self.arrivals.ends:
            return self.arrivals.starts
        ended = {(end.run_id, end.epoch) for end in self.arrivals.ends}
        return [
            start
            for start in self.arrivals.starts
            if (start.run_id, start.epoch) not in ended
        ]

    def apply(self, verbs: Verbs) -> TurnOutcome:
        """Runs on the store's writer, inside one savepoint."""
        outcome = TurnOutcome(ends=[], claims=[], woke=False, next_due_ms=None)
        starts = self._starts_alone()
        if starts:
            verbs.start(starts, now_ms=self.now_ms)
        if self.arrivals.logs:
            verbs.log(self.arrivals.logs)
        if self.arrivals.asks:
            verbs.ask(self.arrivals.asks, now_ms=self.now_ms)
        if self.marks:
            verbs.mark(self.marks)
        if self.arrivals.ends:
            settled = verbs.settle(
                self.arrivals.ends,
                self.retry_policy,
                now_ms=self.now_ms,
            )
            outcome.ends = settled.ends
            outcome.woke = settled.woke
            outcome.next_due_ms = settled.next_due_ms
        if self.wants:
            outcome.claims = verbs.claim(
                self.wants,
                self.claim_policy,
                run_ids=self.run_ids,
                now_ms=self.now_ms,
            )
        return outcome
