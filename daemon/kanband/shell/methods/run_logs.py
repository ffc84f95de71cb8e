"""``RunLogs``: what a run's agent wrote."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Literal

import msgspec

from kanban_ipc.control import Run, RunLogsCall, RunLogsReply
from kanban_ipc.layout import RUN_CUTS, RUN_STDERR, RUN_STDOUT
from kanband.shell.methods.answers import End
from kanband.shell.methods.arguments import LINES_MAX, check_number
from kanband.shell.methods.following import FOLLOW_S, pieces
from kanband.shell.methods.stored import LIVE, one_run
from kanband.shell.methods.tail import Hole, Tail
from kanband.shell.ports import Daemon

Name = Literal["stdout", "stderr"]
_FILES: dict[Name, str] = {"stdout": RUN_STDOUT, "stderr": RUN_STDERR}


async def run_logs(
    daemon: Daemon, call: RunLogsCall
) -> AsyncGenerator[RunLogsReply | End, None]:
    """Everything kept, stdout first; with ``follow`` until the run has ended."""
    if call.lines is not None:
        check_number("lines", call.lines, 0, LINES_MAX)
    run = await one_run(daemon, call.run)
    tails = _tails(run, call)
    last = RunLogsReply(stream=next(iter(tails)), text="")
    try:
        while True:
            # Asked before reading: what it wrote last is read after it has ended.
            over = not call.follow or run.status not in LIVE
            async for reply in _now(tails):
                if last.text:
                    yield last
                last = reply
            if over:
                yield End(last)
                return
            if last.text:
                yield last
                last = RunLogsReply(stream=last.stream, text="")
            await asyncio.sleep(FOLLOW_S)
            run = await one_run(daemon, run.id)
    finally:
        for tail in tails.values():
            tail.close()


def _tails(run: Run, call: RunLogsCall) -> dict[Name, Tail]:
    directory = Path(run.run_dir)
    return {
        name: Tail(directory / file, lines=call.lines, hole=_Cuts(directory, file))
        for name, file in _FILES.items()
        if call.stream in (name, "all")
    }


async def _now(tails: dict[Name, Tail]) -> AsyncIterator[RunLogsReply]:
    for name, tail in tails.items():
        async for text in pieces(tail):
            yield RunLogsReply(stream=name, text=text)


class _Cuts:
    """What the log cap has cut out of a file, read again when it has changed."""

    def __init__(self, directory: Path, file: str) -> None:
        self._path = directory / RUN_CUTS
        self._file = file
        self._seen: tuple[int, int] | None = None
        self._hole: Hole | None = None

    def __call__(self) -> Hole | None:
        try:
            found = self._path.stat()
            version = (found.st_ino, found.st_mtime_ns)
            if version != self._seen:
                cuts = msgspec.json.decode(
                    self._path.read_bytes(), type=dict[str, Hole]
                )
                self._hole = cuts.get(self._file)
                self._seen = version
        except (OSError, msgspec.MsgspecError):
            # There is none, or it is being replaced: what was known still holds.
            return self._hole
        return self._hole
