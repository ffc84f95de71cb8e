"""The model and SQLite do the same, whatever is asked of them in whatever order."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from kanban_ipc.control import ListCall, NewTicket, RunsCall
from kanban_ipc.link import Result
from kanban_ipc.words import COLUMNS, FAILURE_CLASSES, RunId, WorkerId
from kanband.core.ids import uuid7
from kanband.store.verbs import (
    AgentGate,
    Claim,
    ClaimPolicy,
    RetryPolicy,
    RunEnd,
    RunLog,
    RunStart,
    Want,
)
from support.stores import ALL, Bench, ModelHandle, sqlite_handle

AGENTS = ("any", "shell", "place", "gone")
REPOS = (None, "/r", "/s")
BOARDS = ("main", "side")
RETRIES = RetryPolicy(initial_s=0.01, max_s=0.05)
Step = Literal["start", "log", "end"]


class Twins(RuleBasedStateMachine):
    """Every call goes to both; answers and everything readable must be equal."""

    claims: Bundle[Claim] = Bundle("claims")

    @initialize()
    def begin(self) -> None:
        self.stack = ExitStack()
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        handle = self.stack.enter_context(sqlite_handle(Path(folder) / "kanban.db"))
        self.model, self.sqlite = Bench(ModelHandle()), Bench(handle)
        self.now_ms = 1_000
        self.ids = 0

    def teardown(self) -> None:
        if not hasattr(self, "stack"):
            return
        try:
            assert self.model.violations() == []
            assert self.sqlite.violations() == []
        finally:
            self.stack.close()

    def both(self, verb: str, *values: Any, **named: Any) -> Any:
        ours = self.model.do(lambda verbs: getattr(verbs, verb)(*values, **named))
        theirs = self.sqlite.do(lambda verbs: getattr(verbs, verb)(*values, **named))
        assert ours == theirs
        return ours

    def asked(self, question: str, *values: Any, **named: Any) -> None:
        ours = getattr(self.model.reads, question)(*values, **named)
        assert ours == getattr(self.sqlite.reads, question)(*values, **named)

    @rule(passed_ms=st.integers(1, 40))
    def time_passes(self, passed_ms: int) -> None:
        self.now_ms += passed_ms
        self.both("promote", now_ms=self.now_ms)

    @rule(
        tickets=st.lists(
            st.builds(
                NewTicket,
                title=st.sampled_from("abc"),
                board=st.sampled_from(BOARDS),
                agent=st.sampled_from(AGENTS),
                repo_path=st.sampled_from(REPOS),
                priority_number=st.sampled_from((None, 1, 5, 8, 10)),
                depends_on=st.lists(st.integers(1, 12), max_size=2),
                scheduled_at_ms=st.sampled_from((None, 1_020, 1_200)),
                max_retries=st.sampled_from((None, 0, 1)),
                key=st.sampled_from((None, None, None, "k", "l")),
            ),
            max_size=4,
        ),
        ready=st.booleans(),
    )
    def add(self, tickets: list[NewTicket], ready: bool) -> None:
        self.both("add", tickets, ready=ready, now_ms=self.now_ms)

    @rule(
        target=claims,
        counts=st.lists(st.integers(0, 3), min_size=1, max_size=3),
        agents=st.sampled_from((None, frozenset({"place"}), frozenset({"shell"}))),
        repo=st.sampled_from(REPOS),
        board=st.sampled_from((None, None, *BOARDS)),
        default=st.sampled_from(("shell", "shell", "")),
        limit=st.sampled_from((0, 1, 2)),
        bound=st.sampled_from((0, 2, 20)),
    )
    def claim(
        self,
        *,
        counts: list[int],
        agents: frozenset[str] | None,
        repo: str | None,
        board: str | None,
        default: str,
        limit: int,
        bound: int,
    ) -> Any:
        policy = ClaimPolicy(
            default_agent=default,
            agents={"shell": AgentGate(), "place": AgentGate(in_place=True)},
            max_runs_per_repo=limit,
            starvation_bound=bound,
        )
        first = Want(
            worker_id=WorkerId("w0"),
            count=counts[0],
            agents=agents,
            repo_path=repo,
            board=board,
        )
        others = [
            Want(worker_id=WorkerId(f"w{place}"), count=count)
            for place, count in enumerate(counts[1:], 1)
        ]
        claims: list[Claim] = self.both(
            "claim",
            [first, *others],
            policy,
            run_ids=[self.run_id() for _ in range(sum(counts))],
            now_ms=self.now_ms,
        )
        return multiple(*claims)

    def run_id(self) -> RunId:
        self.ids += 1
        return uuid7(1_000 + self.ids, self.ids.to_bytes(8, "big"))

    @rule(claim=claims, seq=st.integers(1, 4), early=st.booleans())
    def start(self, claim: Claim, seq: int, early: bool) -> None:
        """Also of runs that ended long ago, and with an epoch that never was."""
        start = RunStart(
            run_id=claim.run_id,
            epoch=claim.epoch,
            seq=seq,
            started_ms=self.now_ms,
            branch="" if early else "b",
        )
        old = msgspec.structs.replace(start, epoch=start.epoch + 1)
        self.both("start", [start, start, old], now_ms=self.now_ms)

    @rule(claim=claims, seq=st.integers(1, 4))
    def log(self, claim: Claim, seq: int) -> None:
        line = RunLog(
            run_id=claim.run_id,
            epoch=claim.epoch,
            seq=seq,
            ts_ms=self.now_ms,
            level="info",
            message=f"at {self.now_ms}",
        )
        self.both("log", [line])
        self.asked("run_log", claim.run_id, limit=2)

    def end(self, claim: Claim, failure: Any, ran: bool, complete: bool) -> RunEnd:
        return RunEnd(
            run_id=claim.run_id,
            epoch=claim.epoch,
            seq=9,
            ended_ms=self.now_ms,
            on_success="complete" if complete else "review",
            jitter=0.5,
            result=Result(
                outcome="error" if failure else "finished",
                failure=failure,
                message="m",
                agent_started_ms=self.now_ms if ran else 0,
                duration_ms=3,
            ),
        )

    @rule(
        claim=consumes(claims),
        target=claims,
        failure=st.sampled_from((None, None, None, *FAILURE_CLASSES)),
        ran=st.booleans(),
        complete=st.booleans(),
        twice=st.booleans(),
    )
    def settle(
        self, claim: Claim, failure: Any, ran: bool, complete: bool, twice: bool
    ) -> Claim:
        """Keeps the claim, so that ended runs go on to disturb."""
        end = self.end(claim, failure, ran, complete)
        ends = [end, end] if twice else [end]
        self.both("settle", ends, RETRIES, now_ms=self.now_ms)
        return claim

    @rule(claims=st.lists(claims, max_size=5), complete=st.booleans())
    def settle_many(self, claims: list[Claim], complete: bool) -> None:
        ends = [self.end(claim, None, True, complete) for claim in claims]
        self.both("settle", ends, RETRIES, now_ms=self.now_ms)

    @rule(claim=claims, worker=st.sampled_from(("w0", "w9")))
    def transfer(self, claim: Claim, worker: str) -> None:
        runs = {claim.run_id: WorkerId(worker)}
        self.both("transfer", runs, now_ms=self.now_ms)

    @rule(ticket=st.integers(1, 12), to=st.sampled_from(COLUMNS))
    def move(self, ticket: int, to: Any) -> None:
        self.both("move", ticket, to, now_ms=self.now_ms)

    @rule(tickets=st.lists(st.integers(1, 12), max_size=3), fresh=st.booleans())
    def retry(self, tickets: list[int], fresh: bool) -> None:
        self.both("retry", tickets, fresh=fresh, now_ms=self.now_ms)

    @rule(tickets=st.lists(st.integers(1, 12), max_size=3), requeue=st.booleans())
    def cancel(self, tickets: list[int], requeue: bool) -> None:
        self.both("cancel", tickets, requeue=requeue, now_ms=self.now_ms)

    @rule(paused=st.booleans(), board=st.sampled_from((None, *BOARDS)))
    def pause(self, paused: bool, board: str | None) -> None:
        self.both("pause", paused=paused, board=board, now_ms=self.now_ms)

    @rule()
    def unpark(self) -> None:
        self.both("unpark", now_ms=self.now_ms)

    @invariant()
    def both_tell_the_same(self) -> None:
        if not hasattr(self, "stack"):
            return
        self.asked("tickets", ListCall(limit=ALL, cancelled=True))
        self.asked("runs", RunsCall(limit=ALL))
        self.asked("leases")
        self.asked("queue")
        self.asked("boards")
        self.asked("next_due_ms")
        self.asked("last_seq")
        self.asked("events", since=max(0, self.model.reads.last_seq() - 12), limit=12)


Twins.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
test_the_model_and_sqlite_are_twins = Twins.TestCase
