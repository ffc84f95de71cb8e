"""``Status``: the daemon, the queue and the workers, and what needs attention."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from kanban_ipc.control import (
    BoardQueue,
    DaemonInfo,
    ListCall,
    QueueInfo,
    StatusCall,
    StatusReply,
    Ticket,
    WorkerInfo,
)
from kanband.config import resolve_agent
from kanband.shell.methods.able import Task, nobody_can
from kanband.shell.methods.entering_ready import agent_obstacle
from kanband.shell.methods.queue_info import ask, completed
from kanband.shell.methods.worker_ids import check_known
from kanband.shell.ports import Daemon
from kanband.shell.version import version
from kanband.store.errors import StoreClosed, StoreError
from kanband.store.questions import Reads

LOOKED_AT: Final = 50
"""Ready tickets that are looked at for one nobody can do: the next ones in order."""
PATIENCE_S: Final = 10.0
"""For the store's answer, which takes milliseconds."""
UNKNOWN: Final = QueueInfo(
    depth=0,
    waiting=0,
    backlog=0,
    ready=0,
    in_progress=0,
    blocked=0,
    review=0,
    done=0,
    cancelled=0,
    active_workers=0,
    paused=False,
)
Figures: TypeAlias = tuple[QueueInfo, list[BoardQueue], list[Ticket]]
_NEXT_ONES: Final = ListCall(states=["ready"], sort="priority", limit=LOOKED_AT)


async def status(daemon: Daemon, call: StatusCall) -> StatusReply:
    """Everything ``kanbanctl status`` shows. ``healthy`` is about kanband alone, and
    not about tickets; a store that does not answer is told, not waited for.
    """
    check_known(daemon, call.workers)
    (queue, boards, waiting), unanswered = await _figures(daemon)
    infos = daemon.fleet.infos()
    troubles = [*unanswered, *daemon.problems()]
    stuck = list(_stuck(daemon, waiting, infos))
    life = daemon.life
    return StatusReply(
        daemon=DaemonInfo(
            pid=os.getpid(),
            version=version(),
            mode=daemon.config.mode,
            state=life.state,
            started_at_ms=life.started_ms,
            uptime_s=life.uptime_s,
            healthy=not troubles and life.state != "starting",
            problems=troubles + stuck,
            spawner_pid=daemon.fleet.spawner_pid,
            state_dir=str(daemon.config.state_dir),
        ),
        queue=completed(queue, boards, infos),
        workers=daemon.fleet.infos(call.workers) if call.workers else infos,
    )


async def _figures(daemon: Daemon) -> tuple[Figures, list[str]]:
    """The queue's; or none, and why."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await daemon.store.read(_ask), []
    except StoreClosed:
        raise
    except TimeoutError:
        why = f"it has not answered for {PATIENCE_S:g} s"
    except StoreError as error:
        why = str(error)
    text = f"the figures of the queue are not known (0 is no figure): {why}"
    return (UNKNOWN, [], []), [text]


def _ask(reads: Reads) -> Figures:
    queue, boards = ask(reads)
    return queue, boards, reads.tickets(_NEXT_ONES)[0] if queue.ready else []


def _stuck(
    daemon: Daemon, waiting: Sequence[Ticket], infos: Sequence[WorkerInfo]
) -> Iterator[str]:
    """A sentence for each kind of Ready ticket that nobody can do now."""
    of_kind: dict[str, list[Ticket]] = {}
    for ticket in waiting:
        if ticket.waits_for is None:
            of_kind.setdefault(_obstacle(daemon, ticket, infos), []).append(ticket)
    for reason, tickets in of_kind.items():
        if reason:
            others = f" and {len(tickets) - 1} more" if len(tickets) > 1 else ""
            yield f"ticket {tickets[0].id}{others} cannot be done now: {reason}"


def _obstacle(daemon: Daemon, ticket: Ticket, infos: Sequence[WorkerInfo]) -> str:
    name = resolve_agent(daemon.config, ticket.agent)
    if name is None:
        return agent_obstacle(daemon.config, ticket.agent)
    return nobody_can(infos, Task.of(ticket, name, infos), daemon.config.mode)
