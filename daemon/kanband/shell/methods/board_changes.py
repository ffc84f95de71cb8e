"""What the methods that change boards have in common."""

from collections.abc import Callable
from typing import TypeVar

from kanban_ipc.control import BoardsReply, NotFound, Refused
from kanband.shell.methods.answers import Declined
from kanband.shell.methods.arguments import check_name, check_number
from kanband.shell.ports import Daemon
from kanband.store.verbs import Verbs

T = TypeVar("T", bound=bool | NotFound | Refused)
POSITION_MAX = 10_000
WIP_LIMIT_MAX = 1_000_000


def check_board(
    name: str, position: int | None = None, wip_limit: int | None = None
) -> None:
    """Bounds of what is said about a board."""
    check_name("name", name)
    if position is not None:
        check_number("position", position, 1, POSITION_MAX)
    if wip_limit is not None:
        check_number("wip_limit", wip_limit, 0, WIP_LIMIT_MAX)


async def change(daemon: Daemon, verb: Callable[[Verbs, int], T]) -> BoardsReply:
    """Carry it out (at a time), and show every board. Raises ``Declined``."""
    now_ms = daemon.clock.now_ms()
    outcome = await daemon.store.do(lambda verbs: verb(verbs, now_ms))
    if isinstance(outcome, NotFound | Refused):
        raise Declined(outcome)
    return BoardsReply(boards=await daemon.store.read(lambda reads: reads.boards()))
