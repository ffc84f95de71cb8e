"""What only a simulator can see, and judges at the moment when it happens.

The history checker (``kanband.core.history``) reads what the store says. Here is held
against it what happens in the world: agents that live, words that are said, answers
that were given.
"""

import traceback
from collections import Counter
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import msgspec

from kanban_ipc.control import ListCall, RunsCall
from kanban_ipc.link import Ack, Assign
from kanband.core.history import check

if TYPE_CHECKING:
    from sim.world import World

ALL = 1 << 40
GIVEN_MAX = 300
"""Of one ticket: more than its attempts, with every loss there is, could be."""
_NEW = (
    "SELECT seq, type, correlation_id, payload FROM journal WHERE seq > ? ORDER BY seq"
)
_HOLDER = "SELECT worker_id FROM tickets WHERE locked_by_run_id = ? AND epoch = ?"
_HOLDS = "SELECT 1 FROM tickets WHERE locked_by_run_id = ? AND epoch = ?"
_SEEN = "SELECT last_seq, ended_at_ms IS NOT NULL, epoch FROM runs WHERE id = ?"
_LIVE = "SELECT id, worker_id FROM runs WHERE ended_at_ms IS NULL"
_IN_PLACE = (
    "SELECT repo_path, in_place, count(*) FROM runs WHERE ended_at_ms IS NULL AND "
    "repo_path IS NOT NULL GROUP BY 1, 2"
)
_CLAIMS_MADE = "SELECT value FROM settings WHERE key = 'claims_made'"
_PASSED_OVER = """
    SELECT l.id FROM tickets AS c JOIN tickets AS l
        ON l.state = 'ready' AND l.waits_for IS NULL AND l.board = c.board
        AND l.agent = c.agent
        AND (l.repo_path IS NULL OR l.repo_path = c.repo_path)
        AND CASE WHEN ?2 THEN l.id < c.id ELSE (l.band, l.id) < (c.band, c.id) END
    WHERE c.id = ?1 LIMIT 1
"""
"""Of one board and agent, and not in another repository: the order alone decides."""


class Watch:
    """Collects violations; the first one ends the simulation."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.violations: list[str] = []
        self.agents: dict[int, str] = {}
        """By ticket: the run whose agent lives."""
        self._seq = 0
        self._given: Counter[int] = Counter()
        self._transferred: set[str] = set()

    def wrong(self, text: str) -> None:
        self._world.trace("VIOLATION", text)
        self.violations.append(f"at {self._world.elapsed_s():.3f} s: {text}")
        self._world.stop()

    def broken(self, error: BaseException) -> None:
        """What cannot be, and was."""
        where = "".join(traceback.format_exception(error)[-4:])
        self.wrong(f"a bug: {error!r}\n{where}")

    async def guard(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - it is reported
            self.broken(error)

    # ------------------------------------------------------------------- the agents

    def agent_started(self, assign: Assign) -> None:
        ticket, run_id = assign.work.ticket_id, assign.run_id
        self._world.trace("agent begins", ticket, assign.epoch)
        if ticket in self.agents:
            self.wrong(f"two agents at ticket {ticket}")
        if not self._holds(run_id, assign.epoch):
            self.wrong(f"an agent begins at ticket {ticket} without its lease")
        self.agents[ticket] = run_id

    def agent_ended(self, assign: Assign) -> None:
        self._world.trace("agent ends", assign.work.ticket_id, assign.epoch)
        if self.agents.get(assign.work.ticket_id) == assign.run_id:
            del self.agents[assign.work.ticket_id]

    # -------------------------------------------------------------------- the words

    def said(self, peer: bytes, message: Assign | Ack) -> None:
        """It leaves now: what justifies it must be committed."""
        if isinstance(message, Assign):
            key = (message.run_id, message.epoch)
            holder = self._world.disk.db.execute(_HOLDER, key).get
            worker = peer.partition(b":")[0].decode()
            if holder != worker:
                ticket = message.work.ticket_id
                self.wrong(f"ticket {ticket} is given to {worker}, held by {holder}")
            return
        row = self._world.disk.db.execute(_SEEN, (message.run_id,)).get
        if row is None:
            self.wrong(f"run {message.run_id} is acknowledged, but not known")
            return
        seen, ended, _epoch = row
        if not ended and seen < message.seq:
            self.wrong(
                f"message {message.seq} of run {message.run_id} is acknowledged, but "
                f"{seen} is the last one committed"
            )

    def _holds(self, run_id: str, epoch: int) -> bool:
        row = self._world.disk.db.execute(_HOLDS, (run_id, epoch)).get
        return row is not None

    # ------------------------------------------------------------------ the commits

    def committed(self) -> None:
        """At once after a commit."""
        claims: list[int] = []
        """After which nothing else was decided in this commit."""
        claimed = False
        for seq, kind, ticket, text in self._world.disk.db.execute(_NEW, (self._seq,)):
            self._seq = seq
            self._world.trace("journal", kind, ticket, text)
            if kind == "task_assign":
                claims.append(ticket)
                claimed = True
            else:
                claims.clear()
            self._entry(kind, ticket, text)
        if claimed:
            self._check_limits()
        self._check_order(claims)

    def _entry(self, kind: str, ticket: int, text: str) -> None:
        world = self._world
        if kind == "task_assign":
            self._given[ticket] += 1
            if self._given[ticket] > GIVEN_MAX:
                self.wrong(f"ticket {ticket} is given out again and again")
        elif kind == "run_finished":
            payload = msgspec.json.decode(text)
            world.count(f"ended: {payload['failure'] or 'well'}")
            if self.agents.get(ticket) == payload["run_id"]:
                self.wrong(f"the run of ticket {ticket} ended, its agent lives on")
        elif kind == "task_failed" and "poison" in text:
            world.count("poison ticket set aside")
        elif kind in {"stale_result", "run_transferred", "task_due"}:
            world.count(kind)
            if kind == "run_transferred":
                self._transferred.add(msgspec.json.decode(text)["run_id"])

    def _check_order(self, claims: list[int]) -> None:
        db, policy = self._world.disk.db, self._world.profiles.claim_policy
        made = int(db.execute(_CLAIMS_MADE).get or 0)
        for place, ticket in enumerate(claims, made - len(claims) + 1):
            oldest = place % policy.starvation_bound == 0
            left = db.execute(_PASSED_OVER, (ticket, oldest)).get
            if left is not None:
                self.wrong(f"ticket {ticket} was taken, but it was the turn of {left}")

    def _check_limits(self) -> None:
        world = self._world
        own = Counter(
            worker
            for run_id, worker in world.disk.db.execute(_LIVE)
            if run_id not in self._transferred
        )
        for worker, live in own.items():
            if live > world.swarm.slots:
                self.wrong(f"{worker} has {live} runs in {world.swarm.slots} slots")
        limit = world.profiles.config.queue.max_runs_per_repo
        for repo, in_place, live in world.disk.db.execute(_IN_PLACE):
            allowed = 1 if in_place else limit
            if allowed and live > allowed:
                self.wrong(f"{live} runs in {repo}, where {allowed} may be")

    # ---------------------------------------------------------------------- the end

    def history(self) -> None:
        """The whole story, as the store tells it."""
        reads = self._world.disk.reads
        tickets, _total = reads.tickets(ListCall(limit=ALL, cancelled=True))
        runs = reads.runs(RunsCall(limit=ALL))
        events = reads.events(since=0, limit=ALL)
        for violation in check(tickets, runs, events):
            self.wrong(
                f"invariant {violation.invariant}, ticket {violation.ticket_id}, "
                f"entry {violation.seq}: {violation.text}"
            )
        self._world.entries = len(events)
        self._world.runs = len(runs)
