"""``QueuePause``: claim nothing more; what runs goes on."""

from kanban_ipc.control import QueuePauseCall, QueueReply
from kanband.shell.methods.pausing import set_paused
from kanband.shell.methods.queue_info import queue_reply
from kanband.shell.ports import Daemon


async def queue_pause(daemon: Daemon, call: QueuePauseCall) -> QueueReply:
    """Kept over restarts of the daemon."""
    await set_paused(daemon, call.board, paused=True)
    return await queue_reply(daemon)
