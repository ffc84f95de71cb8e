"""What keeps every Ready ticket of a board from being begun: a pause, a drain."""

import shlex
from collections.abc import Iterator, Sequence
from typing import Final

from kanban_ipc.control import BoardQueue, QueueInfo, Reason
from kanband.shell.ports import Daemon

GO_ON: Final = "start the daemon again: kanbanctl shutdown --keep-workers, then kanband"
"""A drain ends with the daemon; what runs may go on meanwhile."""


def standstill(
    daemon: Daemon, queue: QueueInfo, boards: Sequence[BoardQueue]
) -> Iterator[Reason]:
    """For the tickets of these boards, each with what ends it."""
    if queue.paused:
        text = "the queue is paused; go on with: kanbanctl queue resume"
        yield Reason(code="paused", text=text, next_try_ms=None)
    for board in boards:
        if board.paused:
            text = (
                f"the board {board.board} is paused; go on with: kanbanctl queue "
                f"resume --board {shlex.quote(board.board)}"
            )
            yield Reason(code="board_paused", text=text, next_try_ms=None)
    state = daemon.life.state
    if state in ("draining", "stopping"):
        ends = f"; {GO_ON}" if state == "draining" else ", because it leaves"
        text = f"the daemon is {state} and begins nothing{ends}"
        yield Reason(code=state, text=text, next_try_ms=None)
