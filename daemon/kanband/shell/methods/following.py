"""Reading growing files without holding the loop.

There is no event for a file's growth in the standard library, so whoever follows one
looks at it every ``FOLLOW_S``; nobody looks when nobody follows.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from kanband.shell.methods.tail import Tail

FOLLOW_S: Final = 0.2


async def pieces(tail: Tail) -> AsyncIterator[str]:
    """What the file has now; each piece is not empty."""
    while (text := await asyncio.to_thread(tail.read)) is not None:
        if text:
            yield text
