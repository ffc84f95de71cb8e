"""``QueueStatus``: the queue as a whole and by board."""

import msgspec

from kanban_ipc.control import QueueReply, QueueStatusCall
from kanband.shell.methods.arguments import check_name
from kanband.shell.methods.board import named
from kanband.shell.methods.queue_info import queue_reply
from kanband.shell.ports import Daemon


async def queue_status(daemon: Daemon, call: QueueStatusCall) -> QueueReply:
    """Counts."""
    check_name("board", call.board)
    reply = await queue_reply(daemon)
    if call.board is None:
        return reply
    return msgspec.structs.replace(reply, boards=[named(reply.boards, call.board)])
