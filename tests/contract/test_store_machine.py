"""The model and SQLite do the same, whatever is asked of them in whatever order."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from kanban_ipc.control import ListCall, NewTicket, RunsCall, TicketEdit
from kanban_ipc.link import Result
from kanban_ipc.words import COLUMNS, FAILURE_CLASSES, Epoch, RunId, WorkerId
from kanband.core.ids import uuid7
from kanband.store.values import (
    AgentGate,
    Claim,
    ClaimPolicy,
    NewSchedule,
    RetryPolicy,
    RunEnd,
    RunLog,
    RunMark,
    RunQuestion,
    RunStart,
    Want,
)
from support.stores import ALL, Bench, ModelHandle, sqlite_handle

AGENTS = ("any", "any", "shell", "place", "place", "gone")
REPOS = (None, "/r", "/s")
BOARDS = ("main", "side")
RETRIES = RetryPolicy(initial_s=0.01, max_s=0.05)
Step = Literal["start", "log", "end"]


RARELY = st.sampled_from((False,) * 7 + (True,))
MOSTLY = RARELY.map(lambda rarely: not rarely)
NEW = st.builds(
    NewTicket,
    title=st.sampled_from("abc"),
    board=st.sampled_from(BOARDS),
    agent=st.sampled_from(AGENTS),
    repo_path=st.sampled_from(REPOS),
    priority_number=st.sampled_from((None, 1, 5, 8, 10)),
    depends_on=st.sampled_from(([],) * 6 + ([1], [2], [1, 3])),
    scheduled_at_ms=st.sampled_from((None,) * 6 + (1_020, 1_200)),
    max_retries=st.sampled_from((None, 0, 1)),
    key=st.sampled_from((None,) * 6 + ("k", "l")),
    labels=st.sampled_from(([], [], ["x"], ["x", "y"], ['"x"'])),
)


LABELS = st.lists(st.sampled_from("lm"), max_size=2)
NUMBERS = st.lists(st.integers(1, 8), max_size=2)
EDIT = st.builds(
    TicketEdit,
    title=st.sampled_from((None, None, "z")),
    instructions=st.sampled_from((None, None, "i")),
    board=st.sampled_from((None, None, *BOARDS)),
    agent=st.sampled_from((None, None, "shell", "place")),
    repo_path=st.sampled_from((None, None, "/r", "/s")),
    priority=st.sampled_from((None, None, "urgent", "low")),
    scheduled_at_ms=st.sampled_from((None,) * 3 + (1_020, 1_200)),
    max_retries=st.sampled_from((None, None, 0, 2)),
    actual_duration_s=st.sampled_from((None, None, 3.0)),
    add_labels=LABELS,
    remove_labels=LABELS,
    add_depends_on=NUMBERS,
    remove_depends_on=NUMBERS,
    clear=st.lists(
        st.sampled_from(("repo_path", "depends_on", "scheduled_at_ms", "labels")),
        max_size=1,
    ),
)


def _has_claims(twins: "Twins") -> bool:
    return bool(twins.claims)


ANY_CLAIM = st.integers(0, 99)
"""One of those made so far, counted from the newest: also of runs that ended."""


class Twins(RuleBasedStateMachine):
    """Every call goes to both; answers and everything readable must be equal."""

    @initialize(tickets=st.lists(NEW, min_size=3, max_size=10))
    def begin(self, tickets: list[NewTicket]) -> None:
        self.stack = ExitStack()
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        handle = self.stack.enter_context(sqlite_handle(Path(folder) / "kanban.db"))
        self.model, self.sqlite = Bench(ModelHandle()), Bench(handle)
        self.now_ms = 1_000
        self.ids = 0
        self.claims: list[Claim] = []
        # Something to depend on; the lists that follow are then seldom refused.
        self.add([NewTicket(title=title) for title in "abc"], ready=True)
        self.add(tickets, ready=True)

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

    @rule(passed_ms=st.integers(1, 40) | st.sampled_from((1_000, 60_000, 600_000)))
    def time_passes(self, passed_ms: int) -> None:
        self.now_ms += passed_ms
        self.both("promote", now_ms=self.now_ms)

    @rule()
    def add_what_is_refused(self) -> None:
        self.add([NewTicket(title="x", depends_on=[999])], ready=True)

    @rule(tickets=st.lists(NEW, max_size=4), ready=MOSTLY)
    def add(self, tickets: list[NewTicket], *, ready: bool) -> None:
        self.both("add", tickets, ready=ready, now_ms=self.now_ms)

    @rule(
        counts=st.lists(st.integers(1, 3), min_size=1, max_size=3),
        agents=st.sampled_from(
            (None, None, frozenset({"place"}), frozenset({"shell"}))
        ),
        repo=st.sampled_from((None,) * 6 + REPOS),
        labels=st.sampled_from(((),) * 6 + (("x",), ("y", "x"), ('"x"',))),
        board=st.sampled_from((None,) * 6 + BOARDS),
        default=st.sampled_from(("shell",) * 7 + ("",)),
        limit=st.sampled_from((0, 1, 2)),
        bound=st.sampled_from((0, 2, 20)),
        provider=st.sampled_from(("", "", "cloud")),
    )
    def claim(
        self,
        *,
        counts: list[int],
        agents: frozenset[str] | None,
        repo: str | None,
        labels: tuple[str, ...],
        board: str | None,
        default: str,
        limit: int,
        bound: int,
        provider: str,
    ) -> None:
        policy = ClaimPolicy(
            default_agent=default,
            agents={
                "shell": AgentGate(provider=provider),
                "place": AgentGate(in_place=True, provider=provider),
            },
            max_runs_per_repo=limit,
            starvation_bound=bound,
        )
        first = Want(
            worker_id=WorkerId("w0"),
            count=counts[0],
            agents=agents,
            repo_path=repo,
            board=board,
            labels=frozenset(labels),
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
        self.claims += claims

    def one(self, place: int) -> Claim:
        return self.claims[-1 - place % len(self.claims)]

    def run_id(self) -> RunId:
        self.ids += 1
        return uuid7(1_000 + self.ids, self.ids.to_bytes(8, "big"))

    @precondition(_has_claims)
    @rule(place=ANY_CLAIM, seq=st.integers(1, 4), early=st.booleans())
    def start(self, place: int, seq: int, early: bool) -> None:
        """Also of runs that ended long ago, and with an epoch that never was."""
        claim = self.one(place)
        start = RunStart(
            run_id=claim.run_id,
            epoch=claim.epoch,
            seq=seq,
            started_ms=self.now_ms,
            branch="" if early else "b",
        )
        old = msgspec.structs.replace(start, epoch=start.epoch + 1)
        self.both("start", [start, start, old], now_ms=self.now_ms)

    @precondition(_has_claims)
    @rule(place=ANY_CLAIM, seq=st.integers(1, 4))
    def log(self, place: int, seq: int) -> None:
        claim = self.one(place)
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

    @precondition(_has_claims)
    @rule(place=ANY_CLAIM, percent=st.integers(0, 100), old=RARELY)
    def say(self, place: int, percent: int, old: bool) -> None:
        """A line, and how far it is; ``old``: of an epoch before it."""
        claim = self.one(place)
        epoch = Epoch(claim.epoch - 1 if old else claim.epoch)
        line = RunLog(
            run_id=claim.run_id,
            epoch=epoch,
            seq=0,
            ts_ms=self.now_ms,
            level="info",
            message=f"said at {self.now_ms}",
        )
        self.both("say", [line])
        mark = RunMark(run_id=claim.run_id, epoch=epoch, percent=percent, step="s")
        self.both("mark", [mark])
        self.asked("run_log", claim.run_id, limit=3)

    @precondition(_has_claims)
    @rule(place=ANY_CLAIM, text=st.sampled_from("pq"), seq=st.integers(0, 4))
    def ask(self, place: int, text: str, seq: int) -> None:
        claim = self.one(place)
        question = RunQuestion(
            run_id=claim.run_id,
            epoch=claim.epoch,
            asked_ms=self.now_ms,
            kind="clarification",
            text=text,
            choices=("a",) * (seq % 2),
            seq=seq,
        )
        self.both("ask", [question, question], now_ms=self.now_ms)

    @rule(ticket=st.integers(1, 12))
    def answer(self, ticket: int) -> None:
        self.both("answer", ticket, f"so, at {self.now_ms}", now_ms=self.now_ms)

    def end(self, claim: Claim, failure: Any, ran: bool, complete: bool) -> RunEnd:
        return RunEnd(
            run_id=claim.run_id,
            epoch=claim.epoch,
            seq=9,
            ended_ms=self.now_ms,
            on_success="complete" if complete else "review",
            jitter=0.5,
            provider="cloud" if ran else "",
            result=Result(
                outcome="error" if failure else "finished",
                failure=failure,
                message="m",
                agent_started_ms=self.now_ms if ran else 0,
                duration_ms=3,
                retry_after_s=1 if complete else 0,
            ),
        )

    @precondition(_has_claims)
    @rule(
        place=ANY_CLAIM,
        failure=st.sampled_from((None, None, None, *FAILURE_CLASSES)),
        ran=st.booleans(),
        complete=st.booleans(),
        twice=st.booleans(),
    )
    def settle(
        self, place: int, failure: Any, *, ran: bool, complete: bool, twice: bool
    ) -> None:
        end = self.end(self.one(place), failure, ran, complete)
        ends = [end, end] if twice else [end]
        self.both("settle", ends, RETRIES, now_ms=self.now_ms)

    @precondition(_has_claims)
    @rule(places=st.lists(ANY_CLAIM, max_size=5), complete=st.booleans())
    def settle_many(self, places: list[int], complete: bool) -> None:
        ends = [self.end(self.one(place), None, True, complete) for place in places]
        self.both("settle", ends, RETRIES, now_ms=self.now_ms)

    @precondition(_has_claims)
    @rule(place=ANY_CLAIM, worker=st.sampled_from(("w0", "w9")))
    def transfer(self, place: int, worker: str) -> None:
        runs = {self.one(place).run_id: WorkerId(worker)}
        self.both("transfer", runs, now_ms=self.now_ms)

    @rule(ticket=st.integers(1, 12), to=st.sampled_from(COLUMNS), merged=st.booleans())
    def move(self, ticket: int, to: Any, merged: bool) -> None:
        self.both("move", ticket, to, now_ms=self.now_ms, merged=merged)

    @rule(tickets=st.lists(st.integers(1, 12), max_size=3), fresh=st.booleans())
    def retry(self, tickets: list[int], fresh: bool) -> None:
        self.both("retry", tickets, fresh=fresh, now_ms=self.now_ms)

    @rule(tickets=st.lists(st.integers(1, 12), max_size=3), requeue=st.booleans())
    def cancel(self, tickets: list[int], requeue: bool) -> None:
        self.both("cancel", tickets, requeue=requeue, now_ms=self.now_ms)

    @rule(
        tickets=st.lists(st.integers(1, 12), max_size=3), reason=st.sampled_from("pq")
    )
    def block(self, tickets: list[int], reason: str) -> None:
        self.both("block", tickets, reason=reason, now_ms=self.now_ms)

    @rule(tickets=st.lists(st.integers(1, 12), max_size=3), edit=EDIT)
    def edit(self, tickets: list[int], edit: TicketEdit) -> None:
        self.both("edit", tickets, edit, now_ms=self.now_ms)

    @rule(tickets=st.lists(st.integers(1, 12), max_size=3))
    def comment(self, tickets: list[int]) -> None:
        self.both("comment", tickets, "c", author="agent", now_ms=self.now_ms)
        for number in tickets:
            self.asked("comments", number, limit=2)

    @rule(tickets=st.lists(st.integers(1, 12), max_size=2))
    def delete(self, tickets: list[int]) -> None:
        self.both("delete", tickets, now_ms=self.now_ms)

    @rule(paused=RARELY, board=st.sampled_from((None, *BOARDS)))
    def pause(self, paused: bool, board: str | None) -> None:
        self.both("pause", paused=paused, board=board, now_ms=self.now_ms)

    @rule(
        board=st.sampled_from((*BOARDS, "new")),
        position=st.sampled_from((None, 1, 2, 9)),
        limit=st.sampled_from((None, 0, 1, 2)),
    )
    def edit_board(self, board: str, position: Any, limit: Any) -> None:
        self.both(
            "edit_board",
            board,
            position=position,
            wip_limit=limit,
            now_ms=self.now_ms,
        )

    @rule(board=st.sampled_from((*BOARDS, "new")), to=st.sampled_from((*BOARDS, "new")))
    def rename_board(self, board: str, to: str) -> None:
        self.both("rename_board", board, to, now_ms=self.now_ms)

    @rule(board=st.sampled_from((*BOARDS, "new")), limit=st.sampled_from((0, 2)))
    def add_or_delete_board(self, board: str, limit: int) -> None:
        self.both(
            "add_board", board, position=None, wip_limit=limit, now_ms=self.now_ms
        )
        self.both("delete_board", board, now_ms=self.now_ms)

    @rule(missed=st.sampled_from(("once", "skip")), new=NEW)
    def add_schedule(self, missed: Any, new: NewTicket) -> None:
        plain = msgspec.structs.replace(new, key=None, scheduled_at_ms=None)
        schedule = NewSchedule(
            cron="* * * * *", zone="UTC", missed=missed, ticket=plain
        )
        self.both("add_schedule", schedule, now_ms=self.now_ms)

    @rule(number=st.integers(1, 4), paused=st.booleans())
    def pause_schedule(self, number: int, paused: bool) -> None:
        self.both("pause_schedule", number, paused=paused, now_ms=self.now_ms)

    @rule(number=st.integers(1, 4), really=RARELY)
    def remove_schedule(self, number: int, really: bool) -> None:
        if really:
            self.both("remove_schedule", number, now_ms=self.now_ms)

    @rule(provider=st.sampled_from(("cloud", "shell", "place", "other")))
    def end_cooldown(self, provider: str) -> None:
        self.both("end_cooldown", provider, now_ms=self.now_ms)

    @rule()
    def unpark(self) -> None:
        self.both("unpark", now_ms=self.now_ms)

    @invariant()
    def both_tell_the_same(self) -> None:
        if not hasattr(self, "stack"):
            return
        self.asked("tickets", ListCall(limit=ALL, cancelled=True))
        self.asked("matching", ListCall(board="main"))
        self.asked("runs", RunsCall(limit=ALL))
        self.asked("leases")
        self.asked("queue")
        self.asked("boards")
        self.asked("next_due_ms")
        self.asked("cooldowns")
        self.asked("schedules")
        self.asked("last_seq")
        self.asked("events", since=max(0, self.model.reads.last_seq() - 12), limit=12)


class LongTwins(Twins):
    """The same, for as long as it takes to make more than 100,000 steps."""


QUICK = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
Twins.TestCase.settings = QUICK
LongTwins.TestCase.settings = settings(
    QUICK, max_examples=2_000, stateful_step_count=80
)
test_the_model_and_sqlite_are_twins = Twins.TestCase
test_they_are_twins_for_long = pytest.mark.campaign(LongTwins.TestCase)
