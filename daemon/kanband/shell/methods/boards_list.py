"""``BoardsList``: every board."""

from kanban_ipc.control import BoardsListCall, BoardsReply
from kanband.shell.ports import Daemon


async def boards_list(daemon: Daemon, call: BoardsListCall) -> BoardsReply:
    """In their order."""
    del call
    return BoardsReply(boards=await daemon.store.read(lambda reads: reads.boards()))
