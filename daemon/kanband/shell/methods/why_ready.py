"""Everything that can keep a Ready ticket from being claimed."""

import shlex
from collections.abc import Iterator
from typing import Final, NamedTuple

from kanban_ipc.control import (
    BoardQueue,
    Cooling,
    ListCall,
    QueueInfo,
    Reason,
    Run,
    Ticket,
)
from kanban_ipc.words import TicketState
from kanband.config import claim_policy, resolve_agent
from kanband.shell.methods.able import Task, able, free_slots, nobody_can
from kanband.shell.methods.entering_ready import agent_obstacle
from kanband.shell.methods.queue_info import ask
from kanband.shell.methods.spoken import span, until
from kanband.shell.methods.standstill import standstill
from kanband.shell.not_managed import how_to_start
from kanband.shell.ports import Daemon
from kanband.store.questions import Reads

_NAMED_MAX: Final = 5
_NOT_BY_ITSELF: Final[dict[TicketState, str]] = {
    "backlog": "ready {}",
    "blocked": "ready {}",
    "failed": "retry {}",
    "cancelled": "retry {}",
}
"""What brings a dependency on its way that nothing but a person moves."""


class _Facts(NamedTuple):
    queue: QueueInfo
    boards: list[BoardQueue]
    blockers: list[Ticket]
    holders: list[Run]
    beside: list[Ticket]
    """In progress on its board."""


async def why_ready(daemon: Daemon, ticket: Ticket) -> list[Reason]:
    """What it waits for itself, then the queue, then the workers."""
    facts = await daemon.store.read(lambda reads: _ask(reads, ticket))
    now_ms = daemon.clock.now_ms()
    reasons = [
        *_of_ticket(daemon, ticket, facts, now_ms),
        *standstill(daemon, facts.queue, facts.boards),
    ]
    workers = _of_workers(daemon, ticket)
    if not (reasons and workers.code in ("busy", "next")):
        reasons.append(workers)
    return reasons


def _ask(reads: Reads, ticket: Ticket) -> _Facts:
    queue, boards = ask(reads)
    return _Facts(
        queue=queue,
        boards=[each for each in boards if each.board == ticket.board],
        blockers=reads.blockers(ticket.id) if ticket.depends_on else [],
        holders=reads.repo_holders(ticket.repo_path) if ticket.repo_path else [],
        beside=reads.tickets(_beside(ticket))[0] if ticket.waits_for == "wip" else [],
    )


def _of_ticket(
    daemon: Daemon, ticket: Ticket, facts: _Facts, now_ms: int
) -> Iterator[Reason]:
    if cool := _provider(daemon, ticket, facts.queue):
        yield _cooling(ticket, cool, now_ms)
    if ticket.waits_for == "due" and ticket.due_at_ms is not None:
        yield _due(ticket, ticket.due_at_ms, now_ms)
    for other in facts.blockers:
        yield Reason(
            code="depends",
            text=f"it waits for ticket {other.id} ({other.title:.60}), which is "
            f"{other.state}; {_next_step(other)}",
            next_try_ms=None,
        )
    if ticket.waits_for == "repo":
        yield _repository(daemon, ticket, facts.holders, now_ms)
    if ticket.waits_for == "wip":
        yield _full_board(ticket, facts)


def _beside(ticket: Ticket) -> ListCall:
    return ListCall(board=ticket.board, columns=["In Progress"], limit=_NAMED_MAX)


def _full_board(ticket: Ticket, facts: _Facts) -> Reason:
    """Its limit may have been raised, or a place become free, since it was read."""
    (board,) = facts.boards
    busy = ", ".join(str(each.id) for each in facts.beside)
    more = ", …" if board.in_progress > len(facts.beside) else ""
    text = (
        f"its board {ticket.board} has as many tickets in progress as it may: "
        f"{board.in_progress} of {board.wip_limit} ({busy}{more}); the next begins "
        "when one of them ends. More at a time: kanbanctl boards edit "
        f"{shlex.quote(ticket.board)} --wip {board.in_progress + 1}"
    )
    return Reason(code="wip", text=text, next_try_ms=None)


def _next_step(other: Ticket) -> str:
    command = _NOT_BY_ITSELF.get(other.state)
    if command is None:
        return f"see kanbanctl why {other.id}"
    return f"it will not come by itself: kanbanctl {command.format(other.id)}"


def _due(ticket: Ticket, due_ms: int, now_ms: int) -> Reason:
    if ticket.failure is not None or ticket.retry_count:
        failure = f" ({ticket.failure})" if ticket.failure else ""
        after = ticket.reason.strip().rstrip(".") or "Its last run failed"
        text = (
            f"it is tried again {until(due_ms, now_ms)}{failure}. {after}. At once: "
            f"kanbanctl retry {ticket.id}; what it wrote: kanbanctl run logs "
            f"{ticket.id}"
        )
        return Reason(code="retry", text=text, next_try_ms=due_ms)
    text = (
        f"it is scheduled to begin {until(due_ms, now_ms)}. At once: kanbanctl retry "
        f"{ticket.id}; at another time: kanbanctl edit {ticket.id} --at TIME"
    )
    return Reason(code="scheduled", text=text, next_try_ms=due_ms)


def _provider(daemon: Daemon, ticket: Ticket, queue: QueueInfo) -> Cooling | None:
    """The cool-down that holds it, whether a claim has met it already or not."""
    name = resolve_agent(daemon.config, ticket.agent)
    if name is None:
        return None
    provider = daemon.config.agents[name].provider or name
    return next((each for each in queue.cooling if each.provider == provider), None)


def _cooling(ticket: Ticket, cool: Cooling, now_ms: int) -> Reason:
    times = f", {cool.in_a_row} times in a row" if cool.in_a_row > 1 else ""
    text = (
        f"its agent's provider {cool.provider} refused (rate limit{times}) and cools "
        f"down; it is tried again {until(cool.until_ms, now_ms)}, like every ticket of "
        f"that provider. At once: kanbanctl queue resume --provider {cool.provider}"
    )
    if ticket.failure == "rate_limited":
        text += f"; what it wrote: kanbanctl run logs {ticket.id}"
    return Reason(code="cooldown", text=text, next_try_ms=cool.until_ms)


def _repository(
    daemon: Daemon, ticket: Ticket, holders: list[Run], now_ms: int
) -> Reason:
    """Runs in place and runs in worktrees do not stand in each other's way."""
    gates = claim_policy(daemon.config).agents
    name = resolve_agent(daemon.config, ticket.agent)
    in_place = name is not None and gates[name].in_place
    alike = [
        run
        for run in holders
        if (run.agent in gates and gates[run.agent].in_place) is in_place
    ]
    if not alike:
        text = (
            f"{ticket.repo_path} was at its limit of runs; it is next in line there, "
            f"so ask again: kanbanctl why {ticket.id}"
        )
        return Reason(code="repository", text=text, next_try_ms=None)
    told = ", ".join(
        f"ticket {run.ticket_id} on {run.worker_id} for "
        f"{span((now_ms - (run.started_at_ms or run.queued_at_ms)) / 1000)}"
        for run in alike[:_NAMED_MAX]
    )
    more = (
        f"a run of {name} has the checkout to itself (worktree = false in its profile)"
        if in_place
        else "more at a time: max_runs_per_repo under [queue] in kanban.toml, then "
        "kanbanctl reload"
    )
    text = (
        f"{ticket.repo_path} is at its limit of runs: {told}; it begins when one of "
        f"them ends (watch it: kanbanctl run logs -f {alike[0].ticket_id}); {more}"
    )
    return Reason(code="repository", text=text, next_try_ms=None)


def _of_workers(daemon: Daemon, ticket: Ticket) -> Reason:
    name = resolve_agent(daemon.config, ticket.agent)
    if name is None:
        text = agent_obstacle(daemon.config, ticket.agent)
        return Reason(code="agent", text=text, next_try_ms=None)
    infos = daemon.fleet.infos()
    task = Task.of(ticket, name, infos)
    mode = daemon.config.mode
    if reason := nobody_can(infos, task, mode):
        return Reason(code="no_worker", text=reason, next_try_ms=None)
    able_ones = able(infos, task)
    slots = sum(each.slots for each in able_ones)
    if not free_slots(able_ones):
        text = (
            f"all {slots} slots of the workers that can do it are taken "
            f"({', '.join(each.worker_id for each in able_ones[:5])}); it gets one by "
            f"its priority and age. More: {_more(daemon)}"
        )
        return Reason(code="busy", text=text, next_try_ms=None)
    return Reason(code="next", text="it is about to be claimed", next_try_ms=None)


def _more(daemon: Daemon) -> str:
    if daemon.config.mode == "managed":
        return "kanbanctl start-worker"
    return how_to_start(daemon.config.mode)
