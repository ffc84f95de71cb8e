"""``BoardsRename``: another name for a board and all of its tickets."""

from kanban_ipc.control import BoardsRenameCall, BoardsReply
from kanband.shell.methods.arguments import check_name
from kanband.shell.methods.board_changes import change, check_board
from kanband.shell.ports import Daemon


async def boards_rename(daemon: Daemon, call: BoardsRenameCall) -> BoardsReply:
    """Entries of the journal keep the name that it had."""
    check_board(call.name)
    check_name("to", call.to)
    return await change(
        daemon,
        lambda verbs, now_ms: verbs.rename_board(call.name, call.to, now_ms=now_ms),
    )
