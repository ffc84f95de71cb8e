"""Trying again what a full disk has refused: nothing may be lost to it."""

import asyncio
import errno
from collections.abc import Callable
from typing import Final, TypeVar

from kanban_worker.git.command import DiskFull
from kanban_worker.shell.blocking import in_thread

PAUSE_FIRST_S: Final = 0.25
PAUSE_MAX_S: Final = 30.0
NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})

T = TypeVar("T")


def is_no_space(error: BaseException | None) -> bool:
    """Whether it may go away when somebody frees space."""
    if isinstance(error, OSError):
        return error.errno in NO_SPACE
    return isinstance(error, DiskFull)


async def persist(
    function: Callable[[], T],
    trouble: Callable[[Exception, float], None],
    *,
    whatever: bool = False,
) -> T:
    """Do it in a thread, again and again while there is no space on the disk.

    ``trouble`` is told each failure and the pause that follows, in seconds. Any other
    exception is raised; with ``whatever`` the disk may refuse for any reason.
    """
    pause_s = PAUSE_FIRST_S
    while True:
        try:
            return await in_thread(function)
        except (OSError, DiskFull) as error:
            if not (whatever or is_no_space(error)):
                raise
            trouble(error, pause_s)
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, PAUSE_MAX_S)
