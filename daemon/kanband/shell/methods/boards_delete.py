"""``BoardsDelete``: a board that has no ticket."""

from kanban_ipc.control import BoardsDeleteCall, BoardsReply
from kanband.shell.methods.board_changes import change, check_board
from kanband.shell.ports import Daemon


async def boards_delete(daemon: Daemon, call: BoardsDeleteCall) -> BoardsReply:
    """Cancelled tickets count too."""
    check_board(call.name)
    return await change(
        daemon, lambda verbs, now_ms: verbs.delete_board(call.name, now_ms=now_ms)
    )
