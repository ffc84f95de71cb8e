"""``Backup``: a copy of the store, whole and checked, while everything goes on."""

import asyncio
import threading
from pathlib import Path

from kanban_ipc.control import BackupCall, BackupReply
from kanband.shell.methods.answers import invalid
from kanband.shell.methods.arguments import PATH_CHARS_MAX
from kanband.shell.ports import Daemon
from kanband.store.copying import back_up


async def backup(daemon: Daemon, call: BackupCall) -> BackupReply:
    """In a thread of its own: neither the writer nor a list waits for it."""
    path = call.path
    if not path.startswith("/") or "\0" in path or len(path) > PATH_CHARS_MAX:
        raise invalid("path", f"is {path!r:.120}; allowed: an absolute path")
    ended = threading.Event()
    try:
        copied = await asyncio.to_thread(
            back_up, daemon.config.db_file, Path(path), ended.is_set
        )
    finally:
        # Called off, when the daemon leaves: the thread is not to go on alone.
        ended.set()
    return BackupReply(
        path=path,
        size_bytes=copied.size_bytes,
        tickets=copied.tickets,
        last_seq=copied.last_seq,
    )
