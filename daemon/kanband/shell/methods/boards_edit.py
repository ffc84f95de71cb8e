"""``BoardsEdit``: a board's place, and its limit on what is in progress."""

from kanban_ipc.control import BoardsEditCall, BoardsReply
from kanband.shell.methods.answers import invalid
from kanband.shell.methods.board_changes import change, check_board
from kanband.shell.ports import Daemon


async def boards_edit(daemon: Daemon, call: BoardsEditCall) -> BoardsReply:
    """What a higher limit lets begin is begun at once; a lower one ends nothing."""
    check_board(call.name, call.position, call.wip_limit)
    if call.position is call.wip_limit is None:
        raise invalid("name", "is all that is given; give a position or a wip_limit")
    reply = await change(
        daemon,
        lambda verbs, now_ms: verbs.edit_board(
            call.name,
            position=call.position,
            wip_limit=call.wip_limit,
            now_ms=now_ms,
        ),
    )
    daemon.runs.wake()
    return reply
