"""``RunShow``: one run and its execution log."""

from typing import Final

from kanban_ipc.control import LogLine, RunShowCall, RunShowReply
from kanban_ipc.words import RunId
from kanband.shell.methods.stored import one_run
from kanband.shell.ports import Daemon

LOG_LINES_MAX: Final = 1_000


async def run_show(daemon: Daemon, call: RunShowCall) -> RunShowReply:
    """The log's lines are the oldest first."""
    run = await one_run(daemon, call.run)
    lines = await daemon.store.read(
        lambda reads: reads.run_log(RunId(run.id), limit=LOG_LINES_MAX),
    )
    log = [
        LogLine(ts_ms=line.ts_ms, level=line.level, message=line.message)
        for line in lines
    ]
    return RunShowReply(run=run, log=log)
