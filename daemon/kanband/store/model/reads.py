"""The questions in memory: the other half of the oracle."""

import itertools
import sys
from collections import Counter
from collections.abc import Sequence
from math import inf

import msgspec

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
from kanban_ipc.words import COLUMN_OF, TICKET_STATES, RunId
from kanband.core.cooldowns import CoolDown
from kanband.store.model.world import BoardRecord, RunRecord, TicketRecord, World
from kanband.store.reading import wanted_states
from kanband.store.runs import FOUND_MAX, PREFIX_CHARS_MIN, is_ticket_number
from kanband.store.values import Lease, RunLog, Schedule, WorkerRow


class ModelReads:
    """``Reads`` on a world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def ticket(self, ticket_id: int) -> Ticket | None:
        ticket = self._world.tickets.get(ticket_id)
        return None if ticket is None else self._world.shown(ticket)

    def tickets(self, query: ListCall) -> tuple[list[Ticket], int]:
        states = wanted_states(query)
        found = [
            ticket
            for ticket in self._world.tickets.values()
            if ticket.state in states
            and query.board in (None, ticket.new.board)
            and query.repo in (None, ticket.new.repo_path)
            and query.agent in (None, ticket.new.agent)
            and set(query.labels) <= set(ticket.new.labels)
            and (query.text is None or _has(ticket, query.text))
        ]
        found.sort(key=lambda ticket: ticket.id)
        down = query.descending
        found.sort(key=lambda one: _order(one, query.sort, down), reverse=down)
        page = found[query.offset : query.offset + query.limit]
        return [self._world.shown(ticket) for ticket in page], len(found)

    def matching(self, query: ListCall) -> list[int]:
        every = msgspec.structs.replace(
            query, sort="id", descending=False, limit=len(self._world.tickets), offset=0
        )
        return [ticket.id for ticket in self.tickets(every)[0]]

    def blockers(self, ticket_id: int) -> list[Ticket]:
        ticket = self._world.tickets.get(ticket_id)
        unmet = () if ticket is None else ticket.depends.items()
        return [
            self._world.shown(self._world.tickets[on])
            for on, met in sorted(unmet)
            if not met
        ]

    def _shown(self, run: RunRecord) -> Run:
        return run.shown(self._world.tickets[run.ticket_id])

    def run(self, run_id: RunId) -> Run | None:
        run = self._world.runs.get(run_id)
        return None if run is None else self._shown(run)

    def find_runs(self, text: str) -> list[Run]:
        runs = self._world.runs.values()
        if is_ticket_number(text):
            own = [run for run in runs if run.ticket_id == int(text)]
            if own:
                return [self._shown(own[-1])]
        if len(text) < PREFIX_CHARS_MIN:
            return []
        found = [run for run in runs if run.id.startswith(text.lower())]
        found.sort(key=lambda run: run.id)
        return [self._shown(run) for run in found[:FOUND_MAX]]

    def runs(self, query: RunsCall) -> list[Run]:
        found = [
            self._shown(run)
            for run in reversed(self._world.runs.values())
            if query.ticket_id in (None, run.ticket_id)
            and query.worker_id in (None, run.worker_id)
            and query.status in (None, run.status)
        ]
        return found[: query.limit]

    def run_log(self, run_id: RunId, *, limit: int) -> list[RunLog]:
        lines = self._world.logs.get(run_id, {})
        told = sorted(lines.values(), key=lambda line: (line.ts_ms, line.seq))
        return told[max(0, len(told) - limit) :]

    def comments(
        self, ticket_id: int, *, limit: int
    ) -> tuple[list[TicketComment], int]:
        own = [one for one in self._world.comments if one.ticket_id == ticket_id]
        return own[max(0, len(own) - limit) :], len(own)

    def repo_holders(self, repo_path: str) -> list[Run]:
        live = self._world.live_runs()
        return [self._shown(run) for run in live if run.repo_path == repo_path]

    def leases(self) -> list[Lease]:
        return [
            self._lease(run, self._world.tickets[run.ticket_id])
            for run in self._world.live_runs()
        ]

    def _lease(self, run: RunRecord, ticket: TicketRecord) -> Lease:
        return Lease(
            run_id=run.id,
            epoch=run.epoch,
            attempt=run.attempt,
            worker_id=run.worker_id,
            agent=run.agent,
            started=run.status == "running",
            cancel=run.wish,
            last_seq=run.last_seq,
            work=ticket.work(),
            timeout_s=ticket.new.timeout_s,
            mark=run.marked,
        )

    def workers(self) -> list[WorkerRow]:
        return [row for _worker_id, row in sorted(self._world.workers.items())]

    def wanted_workers(self) -> int | None:
        return self._world.wanted_workers

    def queue(self) -> QueueInfo:
        tickets = self._world.tickets.values()
        columns = _columns(list(tickets))
        return QueueInfo(
            depth=sum(ticket.state == "ready" for ticket in tickets),
            waiting=sum(
                self._world.shown(ticket).waits_for is not None for ticket in tickets
            ),
            backlog=columns["Backlog"],
            ready=columns["Ready"],
            in_progress=columns["In Progress"],
            blocked=columns["Blocked"],
            review=columns["Review"],
            done=columns["Done"],
            cancelled=sum(ticket.state == "cancelled" for ticket in tickets),
            active_workers=0,
            paused=self._world.paused,
        )

    def boards(self) -> list[BoardQueue]:
        return [
            self._board(position, name, board)
            for position, (name, board) in enumerate(self._world.boards.items(), 1)
        ]

    def _board(self, position: int, name: str, board: BoardRecord) -> BoardQueue:
        columns = _columns(
            [one for one in self._world.tickets.values() if one.new.board == name]
        )
        return BoardQueue(
            board=name,
            paused=board.paused,
            position=position,
            wip_limit=board.wip_limit,
            backlog=columns["Backlog"],
            ready=columns["Ready"],
            in_progress=columns["In Progress"],
            blocked=columns["Blocked"],
            review=columns["Review"],
            done=columns["Done"],
        )

    def next_due_ms(self) -> int | None:
        return self._world.next_due_ms()

    def schedules(self) -> list[Schedule]:
        return list(self._world.schedules.values())

    def cooldowns(self) -> list[CoolDown]:
        return [each for _provider, each in sorted(self._world.cooldowns.items())]

    def events(
        self,
        *,
        since: int,
        limit: int,
        ticket_id: int | None = None,
        types: Sequence[str] = (),
    ) -> list[Event]:
        found = [
            event
            for event in self._world.journal[max(since, self._world.journal_base) :]
            if ticket_id in (None, event.ticket_id)
            and (not types or event.type in types)
        ]
        return found[:limit]

    def events_of_run(
        self, ticket_id: int, run_id: RunId, *, since: int, limit: int
    ) -> list[Event]:
        told = self.events(since=since, limit=sys.maxsize, ticket_id=ticket_id)
        return [event for event in told if event.payload.get("run_id") == run_id][
            :limit
        ]

    def last_seq(self) -> int:
        return len(self._world.journal)

    def journal_base(self) -> int:
        return self._world.journal_base

    def journal_before(self, ts_ms: int) -> int:
        kept = self._world.journal[self._world.journal_base : -1]
        older = itertools.takewhile(lambda event: event.ts_ms < ts_ms, kept)
        return self._world.journal_base + len(list(older))


def _columns(tickets: Sequence[TicketRecord]) -> Counter[str]:
    return Counter(
        COLUMN_OF[ticket.state] for ticket in tickets if ticket.state != "cancelled"
    )


def _has(ticket: TicketRecord, text: str) -> bool:
    new = ticket.new
    parts = (new.title, new.description_md, new.instructions)
    return any(text.encode().lower() in part.encode().lower() for part in parts)


def _order(ticket: TicketRecord, sort: str, down: bool) -> float | bytes:
    never = -inf if down else inf
    orders: dict[str, float | bytes] = {
        "id": ticket.id,
        "priority": ticket.band,
        "updated": ticket.updated_at_ms,
        "created": ticket.created_at_ms,
        "state": TICKET_STATES.index(ticket.state),
        # As SQLite's NOCASE: only ASCII letters are the same in both cases.
        "title": ticket.new.title.encode().lower(),
        "due": never if ticket.due_at_ms is None else ticket.due_at_ms,
    }
    return orders[sort]
