"""``Show``: one ticket and its runs."""

from typing import Final

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
    found = await daemon.store.read(lambda reads: reads.runs(query))
    return ShowReply(ticket=ticket, runs=[as_now(daemon, run) for run in found])
