"""``QueueResume``: undo ``QueuePause``."""

from kanban_ipc.control import QueueReply, QueueResumeCall
from kanband.shell.methods.pausing import set_paused
from kanband.shell.methods.queue_info import queue_reply
from kanband.shell.ports import Daemon


async def queue_resume(daemon: Daemon, call: QueueResumeCall) -> QueueReply:
    """What became claimable is claimed at once."""
    await set_paused(daemon, call.board, paused=False)
    return await queue_reply(daemon)
