"""``Logs``: the log of a worker or of the daemon, over the files set aside, too."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

from kanban_ipc.control import LogsCall, TextReply
from kanban_ipc.layout import LOGS_DIR
from kanband.shell.logs import FILES_KEPT
from kanband.shell.methods.answers import End, not_found, refused
from kanband.shell.methods.arguments import LINES_MAX, check_number, check_worker_id
from kanband.shell.methods.following import FOLLOW_S, pieces
from kanband.shell.methods.tail import Tail
from kanband.shell.ports import Daemon

DAEMON = "daemon"


async def logs(daemon: Daemon, call: LogsCall) -> AsyncGenerator[TextReply | End, None]:
    """The last ``lines``; with ``follow`` it ends with its client only."""
    check_number("lines", call.lines, 0, LINES_MAX)
    path = _path(daemon, call.source)
    tail = Tail(path, lines=call.lines, kept=FILES_KEPT)
    try:
        last = ""
        while True:
            async for text in pieces(tail):
                if last:
                    yield TextReply(text=last)
                last = text
            if not call.follow:
                yield End(TextReply(text=last))
                return
            if last:
                yield TextReply(text=last)
                last = ""
            await asyncio.sleep(FOLLOW_S)
    finally:
        tail.close()


def _path(daemon: Daemon, source: str) -> Path:
    check_worker_id(source, "source")
    path = daemon.config.state_dir / LOGS_DIR / f"{source}.log"
    if any(info.by_hand for info in daemon.fleet.infos([source])):
        raise refused(
            f"{source} was not started by this daemon, and writes where it was "
            f"started: to a terminal, or journalctl --user -u kanban-worker@{source}"
        )
    if source != DAEMON and not daemon.fleet.known(source) and not path.exists():
        there = ", ".join(info.worker_id for info in daemon.fleet.infos())
        raise not_found(
            "worker",
            f"there is no worker {source} and no log of one; there are: daemon"
            + (f", {there}" if there else ""),
        )
    return path
