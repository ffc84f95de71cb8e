"""Calls of every verb, in an order that a seed decides.

They are what the daemon asks of its store, refusals included. A call that makes runs
remembers them, so that later calls start, finish, transfer and cancel them; a run whose
claim was not kept is one that the store does not know, which is asked as well.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from kanban_ipc.control import NewTicket, TicketEdit
from kanban_ipc.link import Result
from kanban_ipc.words import COLUMNS, FAILURE_CLASSES, Epoch, RunId, WorkerId
from kanband.core.ids import uuid7
from kanband.store.values import (
    AgentGate,
    Claim,
    ClaimPolicy,
    NewSchedule,
    Note,
    RetryPolicy,
    RunEnd,
    RunLog,
    RunMark,
    RunQuestion,
    RunStart,
    Want,
    WorkerRow,
)
from kanband.store.verbs import Verbs

Call = Callable[[Verbs], object]
BOARDS: Final = ("main", "side", "other")
POLICY: Final = ClaimPolicy(
    default_agent="shell",
    agents={"shell": AgentGate(provider="cloud"), "place": AgentGate(in_place=True)},
    max_runs_per_repo=2,
)
RETRIES: Final = RetryPolicy(initial_s=0.01, max_s=0.05)
_IMPORTED: Final = 40
_IDLE: Final = WorkerId("worker-9")
"""Claims nothing, so it may be dropped at any time."""
_OFTEN: Final = {
    "add": 4,
    "claim": 6,
    "start": 3,
    "settle": 6,
    "promote": 2,
    "retry": 2,
}
_SELDOM: Final = ("pause", "drop_workers", "prune_journal", "delete")


class Workload:
    def __init__(self, seed: int) -> None:
        self._rng = random.Random(f"calls of {seed}")
        self._now_ms = 1_000_000
        self._ids = 0
        self._claims: list[Claim] = []
        self._made = {
            name.removeprefix("_make_"): getattr(self, name)
            for name in dir(self)
            if name.startswith("_make_")
        }
        names = sorted(self._made)
        self._weights = {
            name: _OFTEN.get(name, 0.3 if name in _SELDOM else 1.0) for name in names
        }
        self.used: set[str] = set()

    @property
    def verbs(self) -> set[str]:
        """Which there are calls of."""
        return {name.removesuffix("_many") for name in self._made}

    def call(self) -> Call:
        """The next; always the same after the same seed and the same answers."""
        self._now_ms += self._rng.choice((1, 1, 20, 1_000, 60_000))
        names = list(self._weights)
        (name,) = self._rng.choices(names, list(self._weights.values()))
        self.used.add(name.removesuffix("_many"))
        call: Call = self._made[name]()
        return call

    # ------------------------------------------------------------- what it is about

    def _new(self, **fields: Any) -> NewTicket:
        rng = self._rng
        return NewTicket(
            title=f"ticket {rng.random()}",
            # Some texts are longer than a page of the file.
            description_md="d" * rng.choice((0, 50, 700, 9_000)),
            board=rng.choice(BOARDS),
            agent=rng.choice(("any", "shell", "place")),
            repo_path=rng.choice((None, None, "/r", "/s")),
            priority_number=rng.choice((None, 1, 5, 10)),
            labels=rng.choice(([], ["x"], ["x", "y"])),
            max_retries=rng.choice((None, 0, 2)),
            **fields,
        )

    def _run(self) -> Any:
        """Of a run that was claimed, its two names; of none, when there is none."""
        if not self._claims:
            return {"run_id": self._run_id(), "epoch": Epoch(1)}
        claim = self._rng.choice(self._claims[-4:])
        return {"run_id": claim.run_id, "epoch": claim.epoch}

    def _run_id(self) -> RunId:
        self._ids += 1
        return uuid7(1_700_000_000_000 + self._ids, self._ids.to_bytes(8, "big"))

    def _tickets(self) -> list[int]:
        return [self._rng.randint(1, 30) for _ in range(self._rng.choice((1, 1, 3)))]

    def _worker(self) -> WorkerId:
        return WorkerId(self._rng.choice(("worker-1", "worker-2")))

    # ---------------------------------------------------------------------- verbs

    def _add(self, new: Sequence[NewTicket], *, ready: bool) -> Call:
        now_ms = self._now_ms
        return lambda verbs: verbs.add(new, ready=ready, now_ms=now_ms)

    def _make_add(self) -> Call:
        rng = self._rng
        due = rng.choice((None, None, self._now_ms + 500))
        new = self._new(
            key=rng.choice((None, None, "k", "l")),
            depends_on=rng.choice(([], [], [1], [2, 3])),
            scheduled_at_ms=due,
        )
        return self._add([new], ready=rng.random() < 0.9)

    def _make_add_many(self) -> Call:
        """As an import does."""
        return self._add([self._new() for _ in range(_IMPORTED)], ready=True)

    def _make_claim(self) -> Call:
        want = Want(worker_id=self._worker(), count=self._rng.randint(1, 3))
        ids = [self._run_id() for _ in range(want.count)]
        now_ms = self._now_ms

        def claim(verbs: Verbs) -> object:
            claims = verbs.claim([want], POLICY, run_ids=ids, now_ms=now_ms)
            self._claims += claims
            return claims

        return claim

    def _make_start(self) -> Call:
        start = RunStart(
            **self._run(), seq=1, started_ms=self._now_ms, branch="b", worktree="/w"
        )
        now_ms = self._now_ms
        return lambda verbs: verbs.start([start], now_ms=now_ms)

    def _line(self) -> RunLog:
        return RunLog(
            **self._run(),
            seq=self._rng.randint(1, 99),
            ts_ms=self._now_ms,
            level="info",
            message="m" * self._rng.choice((5, 500)),
        )

    def _make_log(self) -> Call:
        lines = [self._line() for _ in range(3)]
        return lambda verbs: verbs.log(lines)

    def _make_say(self) -> Call:
        lines = [self._line()]
        return lambda verbs: verbs.say(lines)

    def _make_mark(self) -> Call:
        marks = [RunMark(**self._run(), percent=self._rng.randint(0, 100), step="s")]
        return lambda verbs: verbs.mark(marks)

    def _make_ask(self) -> Call:
        now_ms = self._now_ms
        questions = [
            RunQuestion(
                **self._run(), asked_ms=now_ms, kind="clarification", text="Which?"
            )
        ]
        return lambda verbs: verbs.ask(questions, now_ms=now_ms)

    def _make_settle(self) -> Call:
        rng, now_ms = self._rng, self._now_ms
        failure = rng.choice((None, None, None, *FAILURE_CLASSES))
        end = RunEnd(
            **self._run(),
            seq=100,
            ended_ms=now_ms,
            result=Result(
                outcome="error" if failure else "finished",
                failure=failure,
                agent_started_ms=now_ms,
                retry_after_s=rng.choice((0, 1)),
            ),
            on_success=rng.choice(("review", "complete")),
            provider="cloud",
        )
        return lambda verbs: verbs.settle([end], RETRIES, now_ms=now_ms)

    def _make_transfer(self) -> Call:
        runs, now_ms = {self._run()["run_id"]: self._worker()}, self._now_ms
        return lambda verbs: verbs.transfer(runs, now_ms=now_ms)

    def _make_promote(self) -> Call:
        now_ms = self._now_ms
        return lambda verbs: verbs.promote(now_ms=now_ms)

    def _make_move(self) -> Call:
        (ticket, *_), now_ms = self._tickets(), self._now_ms
        to = self._rng.choice(COLUMNS)
        return lambda verbs: verbs.move(ticket, to, now_ms=now_ms, reason="so")

    def _make_block(self) -> Call:
        tickets, now_ms = self._tickets(), self._now_ms
        return lambda verbs: verbs.block(tickets, reason="wait", now_ms=now_ms)

    def _make_edit(self) -> Call:
        edit = TicketEdit(
            title=self._rng.choice((None, "z")),
            board=self._rng.choice((None, *BOARDS)),
            repo_path=self._rng.choice((None, "/r")),
            add_labels=self._rng.choice(([], ["l"])),
        )
        tickets, now_ms = self._tickets(), self._now_ms
        return lambda verbs: verbs.edit(tickets, edit, now_ms=now_ms)

    def _make_comment(self) -> Call:
        tickets, now_ms = self._tickets(), self._now_ms
        return lambda verbs: verbs.comment(tickets, "c", author="user", now_ms=now_ms)

    def _make_delete(self) -> Call:
        tickets, now_ms = self._tickets(), self._now_ms
        return lambda verbs: verbs.delete(tickets, now_ms=now_ms)

    def _make_retry(self) -> Call:
        tickets, now_ms = self._tickets(), self._now_ms
        fresh = self._rng.random() < 0.5
        return lambda verbs: verbs.retry(tickets, fresh=fresh, now_ms=now_ms)

    def _make_cancel(self) -> Call:
        tickets, now_ms = self._tickets(), self._now_ms
        again = self._rng.random() < 0.5
        return lambda verbs: verbs.cancel(tickets, requeue=again, now_ms=now_ms)

    def _make_answer(self) -> Call:
        (ticket, *_), now_ms = self._tickets(), self._now_ms
        return lambda verbs: verbs.answer(ticket, "this", now_ms=now_ms)

    def _make_pause(self) -> Call:
        paused, now_ms = self._rng.random() < 0.3, self._now_ms
        board = self._rng.choice((None, *BOARDS))
        return lambda verbs: verbs.pause(paused=paused, board=board, now_ms=now_ms)

    def _make_add_board(self) -> Call:
        name, now_ms = self._rng.choice((*BOARDS, "new")), self._now_ms
        return lambda verbs: verbs.add_board(
            name, position=1, wip_limit=0, now_ms=now_ms
        )

    def _make_edit_board(self) -> Call:
        name, now_ms = self._rng.choice(BOARDS), self._now_ms
        limit = self._rng.choice((None, 0, 5))
        return lambda verbs: verbs.edit_board(
            name, position=2, wip_limit=limit, now_ms=now_ms
        )

    def _make_rename_board(self) -> Call:
        name, to = self._rng.sample(("side", "other", "new", "third"), 2)
        now_ms = self._now_ms
        return lambda verbs: verbs.rename_board(name, to, now_ms=now_ms)

    def _make_delete_board(self) -> Call:
        now_ms = self._now_ms
        return lambda verbs: verbs.delete_board("new", now_ms=now_ms)

    def _make_put_workers(self) -> Call:
        name = self._rng.choice((self._worker(), _IDLE))
        row = WorkerRow(worker_id=name, pid=self._rng.randint(1, 99))
        note, now_ms = self._note(), self._now_ms
        return lambda verbs: verbs.put_workers([row], [note], now_ms=now_ms)

    def _make_drop_workers(self) -> Call:
        now_ms = self._now_ms
        return lambda verbs: verbs.drop_workers([_IDLE], now_ms=now_ms)

    def _make_set_wanted_workers(self) -> Call:
        count, now_ms = self._rng.choice((None, 3)), self._now_ms
        return lambda verbs: verbs.set_wanted_workers(count, now_ms=now_ms)

    def _make_add_schedule(self) -> Call:
        ticket = msgspec.structs.replace(self._new(), key=None)
        new = NewSchedule(cron="* * * * *", zone="UTC", missed="once", ticket=ticket)
        now_ms = self._now_ms
        return lambda verbs: verbs.add_schedule(new, now_ms=now_ms)

    def _make_pause_schedule(self) -> Call:
        number, now_ms = self._rng.randint(1, 3), self._now_ms
        return lambda verbs: verbs.pause_schedule(number, paused=True, now_ms=now_ms)

    def _make_remove_schedule(self) -> Call:
        number, now_ms = self._rng.randint(1, 3), self._now_ms
        return lambda verbs: verbs.remove_schedule(number, now_ms=now_ms)

    def _make_end_cooldown(self) -> Call:
        now_ms = self._now_ms
        return lambda verbs: verbs.end_cooldown("cloud", now_ms=now_ms)

    def _note(self) -> Note:
        return Note(sender="system", type="noted", payload={"n": self._rng.random()})

    def _make_note(self) -> Call:
        notes, now_ms = [self._note()], self._now_ms
        return lambda verbs: verbs.note(notes, now_ms=now_ms)

    def _make_prune_journal(self) -> Call:
        """As garbage collection does."""
        up_to = self._rng.randint(1, 60)
        return lambda verbs: verbs.prune_journal(up_to)

    def _make_unpark(self) -> Call:
        now_ms = self._now_ms
        return lambda verbs: verbs.unpark(now_ms=now_ms)
