"""``RunDiff``: what a run changed, as a patch."""

from collections.abc import AsyncGenerator
from pathlib import Path

from kanban_ipc.control import RunDiffCall, TextReply
from kanban_ipc.layout import RUN_DIFF
from kanband.shell.methods.answers import End, refused
from kanband.shell.methods.following import pieces
from kanband.shell.methods.stored import LIVE, one_run
from kanband.shell.methods.tail import Tail
from kanband.shell.ports import Daemon


async def run_diff(
    daemon: Daemon, call: RunDiffCall
) -> AsyncGenerator[TextReply | End, None]:
    """Empty for a run that changed nothing."""
    run = await one_run(daemon, call.run)
    if run.status in LIVE:
        where = f" so far they are in {run.worktree}" if run.worktree else ""
        raise refused(
            f"run {run.id} has not ended, and its changes are recorded at its end;"
            f"{where or ' wait with kanbanctl wait ' + str(run.ticket_id)}",
        )
    tail = Tail(Path(run.run_dir) / RUN_DIFF)
    last = ""
    try:
        async for text in pieces(tail):
            if last:
                yield TextReply(text=last)
            last = text
        yield End(TextReply(text=last))
    finally:
        tail.close()
