"""``settle``: a run's result lands, or is stale and changes nothing.

A result lands when its run and epoch hold the ticket. What follows is decided in
``core.landing``; here it is written, with the release of the lease and everything
that the release and the new state set free.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import apsw
import msgspec

from kanban_ipc.bounds import MESSAGE_CHARS_MAX, SUMMARY_BYTES_MAX
from kanban_ipc.link import Result
from kanban_ipc.words import Epoch, RunId, TicketState, WorkerId
from kanband.core import journal
from kanband.core.cooldowns import CoolDown, cooled
from kanband.core.landing import Landing, land
from kanband.core.retries import RetryPolicy, Tally
from kanband.core.tickets import wait_of
from kanband.store.cooling import Refusals
from kanband.store.ledger import Ledger
from kanband.store.parking import has_room_for_next, wake
from kanband.store.reading import next_due_ms
from kanband.store.rows import Row, encode
from kanband.store.running import START_REASON
from kanband.store.statements import load
from kanband.store.values import Landed, RunEnd, SettleOutcome, Stale
from kanband.store.waking import open_dependents

_SQL: Final = load("running")
UNPROCESSED: Final = frozenset(("worker_lost", "host_lost", "shutdown"))


class _Batch:
    """What a call of ``settle`` will write, collected over its results."""

    def __init__(self, db: apsw.Connection, now_ms: int) -> None:
        self.ledger = Ledger(db, now_ms)
        self.providers = Refusals(db)
        self.tickets: list[Row] = []
        self.runs: list[Row] = []
        self.processed: Counter[WorkerId] = Counter()
        self.released: Counter[str] = Counter()
        self.completed: list[int] = []
        self.landed: dict[RunId, tuple[Epoch, str, Landed]] = {}
        self.states: dict[int, TicketState] = {}
        """Of the tickets that this call moved."""
        self.boards: set[str] = set()
        """Of tickets that are not in progress any more."""
        self.claimable = False


def reported(end: RunEnd) -> str:
    """What tells a repetition of a result from another result of the same run."""
    return f"{end.seq} {end.result.outcome} {end.result.failure or ''}".rstrip()


def settle(
    db: apsw.Connection,
    ends: Sequence[RunEnd],
    retries: RetryPolicy,
    *,
    now_ms: int,
) -> SettleOutcome:
    """See ``Verbs.settle``."""
    batch = _Batch(db, now_ms)
    rows: dict[RunId, Row] = {
        row[16]: row
        for row in db.executemany(_SQL["ending"], [(end.run_id,) for end in ends])
    }
    answers = [
        _settle_one(
            db, batch, end, rows.get(end.run_id), retries=retries, now_ms=now_ms
        )
        for end in ends
    ]
    db.executemany(_SQL["end_ticket"], batch.tickets)
    db.executemany(_SQL["end_run"], batch.runs)
    db.executemany(
        _SQL["processed"], [(n, worker) for worker, n in batch.processed.items()]
    )
    batch.ledger.write()
    opened = open_dependents(db, batch.completed)
    woke = wake(db, batch.released)
    woke |= any(has_room_for_next(db, board) for board in batch.boards)
    return SettleOutcome(
        ends=answers,
        woke=woke or opened or batch.claimable,
        next_due_ms=next_due_ms(db),
    )


def _settle_one(
    db: apsw.Connection,
    batch: _Batch,
    end: RunEnd,
    row: Row | None,
    *,
    retries: RetryPolicy,
    now_ms: int,
) -> Landed | Stale:
    said = reported(end)
    before = batch.landed.get(end.run_id)
    if before is not None and before[:2] == (end.epoch, said):
        # As it is answered in any later call: the state, not what once followed.
        return msgspec.structs.replace(before[2], retry_due_ms=None, repeated=True)
    if before is not None or row is None or not _holds(row, end):
        return _not_held(db, batch, end, None if before else row, said)
    landed = _land_one(batch, end, row, said, retries=retries, now_ms=now_ms)
    batch.landed[end.run_id] = (end.epoch, said, landed)
    return landed


def _holds(row: Row, end: RunEnd) -> bool:
    """Both the run's and the ticket's epoch are the result's, and it has the lease."""
    run_epoch, epoch, run_id = row[1], row[11], row[10]
    return bool(run_epoch == epoch == end.epoch and run_id == end.run_id)


def _not_held(
    db: apsw.Connection, batch: _Batch, end: RunEnd, row: Row | None, said: str
) -> Landed | Stale:
    """The same result again is acknowledged; any other one comes too late."""
    if row is not None and row[1] == end.epoch and row[5] == said:
        state: TicketState = batch.states.get(row[0]) or row[7]
        return Landed(ticket_id=row[0], state=state, worker_id=row[2], repeated=True)
    if db.execute(_SQL["stale"], (end.run_id, end.epoch)).get:
        landed = batch.landed.get(end.run_id)
        ticket_id = landed[2].ticket_id if landed else row[0] if row else None
        batch.ledger.note(
            journal.stale_result(ticket_id, end.run_id, end.epoch, end.result.outcome)
        )
    return Stale(run_id=end.run_id, epoch=end.epoch)


def _land_one(
    batch: _Batch,
    end: RunEnd,
    row: Row,
    said: str,
    *,
    retries: RetryPolicy,
    now_ms: int,
) -> Landed:
    landing = land(
        row[7],
        row[4],
        Tally(
            max_retries=row[12], retry_count=row[13], losses=row[14], deferrals=row[15]
        ),
        end.result,
        on_success=end.on_success,
        policy=retries,
        jitter=end.jitter,
        now_ms=now_ms,
        question=row[17] or "",
    )
    lease = journal.Lease(row[0], end.run_id, end.epoch, row[2], row[3])
    _note(batch.ledger, lease, landing, end, state=row[7], board=row[8])
    cool = _provider(batch, lease, landing, end, now_ms)
    batch.tickets.append(_ticket_row(row[0], landing, end, cool, now_ms))
    batch.runs.append(_run_row(landing, end, said))
    _consequences(batch, landing, row)
    return Landed(
        ticket_id=row[0],
        state=landing.target,
        worker_id=row[2],
        retry_due_ms=landing.due_at_ms if cool is None else cool.until_ms,
    )


def _provider(
    batch: _Batch, lease: journal.Lease, landing: Landing, end: RunEnd, now_ms: int
) -> CoolDown | None:
    """What a run says of its agent's provider; the cool-down that its ticket awaits."""
    provider = end.provider or lease.agent
    if landing.status == "finished":
        batch.providers.worked(batch.ledger, provider, now_ms)
    if not landing.cools_down:
        return None
    before = batch.providers.known().get(provider)
    cool = cooled(before, provider, end.result.retry_after_s, now_ms)
    batch.providers.refused(batch.ledger, lease, cool)
    return cool


def _consequences(batch: _Batch, landing: Landing, row: Row) -> None:
    """Of a landing, for others: its worker, its repository, its dependents."""
    batch.states[row[0]] = landing.target
    batch.boards.add(row[8])
    if landing.failure not in UNPROCESSED:
        batch.processed[row[2]] += 1
    if row[9] is not None:
        batch.released[row[9]] += 1
    if landing.target == "completed":
        batch.completed.append(row[0])
    elif landing.target == "ready" and not (landing.due_at_ms or landing.cools_down):
        batch.claimable = True


def _note(
    ledger: Ledger,
    lease: journal.Lease,
    landing: Landing,
    end: RunEnd,
    *,
    state: TicketState,
    board: str,
) -> None:
    ledger.count(board, state, landing.target)
    if landing.through_working:
        ledger.note(journal.run_started(lease))
        ledger.note(
            journal.moved(
                "worker",
                lease.ticket_id,
                state,
                "working",
                START_REASON,
                run_id=lease.run_id,
            )
        )
        state = "working"
    ledger.note(
        journal.run_finished(
            lease, landing.status, landing.failure, end.result.duration_ms
        )
    )
    ledger.note(
        journal.moved(
            landing.sender,
            lease.ticket_id,
            state,
            landing.target,
            landing.reason,
            due_at_ms=landing.due_at_ms,
            run_id=lease.run_id,
        )
    )


def _ticket_row(
    ticket_id: int, landing: Landing, end: RunEnd, cool: CoolDown | None, now_ms: int
) -> Row:
    result, tally = end.result, landing.tally
    due_ms = landing.due_at_ms if cool is None else cool.until_ms
    waits = wait_of(due_ms, unmet=False, now_ms=now_ms)
    return (
        ticket_id,
        landing.target,
        waits,
        due_ms,
        tally.retry_count,
        tally.losses,
        tally.deferrals,
        landing.failure,
        landing.reason,
        landing.previous_failure,
        result.duration_ms / 1000 if result.duration_ms else None,
        result.branch,
        result.worktree,
        landing.through_working,
        started_ms(end),
        now_ms,
        None if cool is None else cool.provider,
    )


def started_ms(end: RunEnd) -> int:
    """When a run began whose start was never reported."""
    return end.result.agent_started_ms or end.ended_ms


def _run_row(landing: Landing, end: RunEnd, said: str) -> Row:
    result = end.result
    return (
        end.run_id,
        landing.status,
        landing.failure,
        said,
        end.seq,
        result.message[:MESSAGE_CHARS_MAX],
        result.exit_code,
        result.signal,
        cut(result.summary_md),
        result.branch,
        result.worktree,
        result.head_before,
        result.head_after,
        files(result),
        result.files_changed_count,
        result.insertions,
        result.deletions,
        result.output_bytes,
        result.log_cut,
        result.leftovers_killed,
        result.proof,
        result.cpu_ms,
        result.rss_max_bytes,
        started_ms(end) if landing.through_working else 0,
        result.agent_ended_ms,
        result.duration_ms,
        end.ended_ms,
    )


def files(result: Result) -> str:
    """As ``git diff --name-status`` has it, in JSON."""
    if not result.files_changed:
        return "[]"
    return encode([f"{one.status} {one.path}" for one in result.files_changed]).decode()


def cut(text: str) -> str:
    """At most ``SUMMARY_BYTES_MAX`` bytes of UTF-8, whole characters."""
    if len(text) * 4 <= SUMMARY_BYTES_MAX:
        return text
    return text.encode()[:SUMMARY_BYTES_MAX].decode("utf-8", "ignore")
