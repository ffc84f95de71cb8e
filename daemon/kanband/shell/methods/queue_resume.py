"""``QueueResume``: undo ``QueuePause``."""

import msgspec

from kanban_ipc.control import QueueReply, QueueResumeCall
from kanband.shell.methods.pausing import set_paused
from kanband.shell.methods.queue_info import queue_reply
from kanband.shell.methods.standstill import standstill
from kanband.shell.ports import Daemon


async def queue_resume(daemon: Daemon, call: QueueResumeCall) -> QueueReply:
    """What became claimable is claimed at once; what did not is said."""
    await set_paused(daemon, call.board, paused=False)
    reply = await queue_reply(daemon)
    left = standstill(daemon, reply.queue, reply.boards)
    return msgspec.structs.replace(reply, notes=[f"still, {r.text}" for r in left])
