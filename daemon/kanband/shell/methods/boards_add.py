"""``BoardsAdd``: a board before its first ticket."""

from kanban_ipc.control import BoardsAddCall, BoardsReply
from kanband.shell.methods.board_changes import change, check_board
from kanband.shell.ports import Daemon


async def boards_add(daemon: Daemon, call: BoardsAddCall) -> BoardsReply:
    """Refused when there is one of that name."""
    check_board(call.name, call.position, call.wip_limit)
    return await change(
        daemon,
        lambda verbs, now_ms: verbs.add_board(
            call.name,
            position=call.position,
            wip_limit=call.wip_limit,
            now_ms=now_ms,
        ),
    )
