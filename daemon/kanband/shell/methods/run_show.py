"""``RunShow``: one run and its execution log."""

import asyncio
import os
import stat
from pathlib import Path
from typing import Any, Final

import msgspec

from kanban_ipc.bounds import RUN_OUTPUT_BYTES_MAX
from kanban_ipc.control import LogLine, RunShowCall, RunShowReply
from kanban_ipc.layout import RUN_OUTPUT
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
    result = None
    if run.status == "finished":
        result = await asyncio.to_thread(_result, Path(run.run_dir) / RUN_OUTPUT)
    return RunShowReply(run=run, log=log, result=result)


def _result(path: Path) -> dict[str, Any] | None:
    """None: the run has kept nothing but its summary."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        data = file.read(RUN_OUTPUT_BYTES_MAX)
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
