"""``Show``: one ticket, its runs and what was said about it."""

from typing import Final

from kanban_ipc.bounds import COMMENTS_SHOWN_MAX
from kanban_ipc.control import RunsCall, ShowCall, ShowReply
from kanband.shell.methods.arguments import check_id
from kanband.shell.methods.stored import as_now, one_ticket
from kanband.shell.ports import Daemon

RUNS_SHOWN: Final = 50
"""The latest ones; ``Runs`` has more."""


async def show(daemon: Daemon, call: ShowCall) -> ShowReply:
    """Runs are the newest first."""
    check_id(call.id)
    ticket = await one_ticket(daemon, call.id)
    query = RunsCall(ticket_id=call.id, limit=RUNS_SHOWN)
    runs, (comments, count) = await daemon.store.read(
        lambda reads: (
            reads.runs(query),
            reads.comments(call.id, limit=COMMENTS_SHOWN_MAX),
        )
    )
    return ShowReply(
        ticket=ticket,
        runs=[as_now(daemon, run) for run in runs],
        comments=comments,
        comments_count=count,
    )
