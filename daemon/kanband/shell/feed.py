"""Hints that the journal has grown.

A hint carries nothing but the journal's head: who is hinted reads the journal by
cursor, so a slow subscriber costs one number and misses nothing.
"""

import asyncio
from collections.abc import AsyncIterator


class Feed:
    """Fans the journal's head out to whoever follows it."""

    def __init__(self) -> None:
        """Starts without subscribers, at the empty journal."""
        self._head = 0
        self._bells: set[asyncio.Event] = set()

    def notify(self, last_seq: int) -> None:
        """The journal reaches to ``last_seq``; called in the loop's thread."""
        self._head = last_seq
        for bell in self._bells:
            bell.set()

    @property
    def subscribers(self) -> int:
        """How many follow."""
        return len(self._bells)

    async def subscribe(self) -> AsyncIterator[int]:
        """Yield the head whenever it has moved since the last yield.

        The first hint comes at once, so that nothing falls between a subscriber's
        first read and its subscription.
        """
        bell = asyncio.Event()
        bell.set()
        self._bells.add(bell)
        try:
            while True:
                await bell.wait()
                bell.clear()
                yield self._head
        finally:
            self._bells.discard(bell)
