"""``QueueStatus``: the queue as a whole and by board."""

from kanban_ipc.control import QueueReply, QueueStatusCall
from kanband.shell.methods.queue_info import queue_reply
from kanband.shell.ports import Daemon


async def queue_status(daemon: Daemon, call: QueueStatusCall) -> QueueReply:
    """Counts."""
    del call
    return await queue_reply(daemon)
