"""Waiting for the journal to grow."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kanband.shell.ports import Daemon


@asynccontextmanager
async def hints(daemon: Daemon) -> AsyncIterator[AsyncIterator[int]]:
    """A subscription that ends with the block. Subscribed before the first read."""
    subscription = daemon.feed.subscribe()
    try:
        yield subscription
    finally:
        close = getattr(subscription, "aclose", None)
        if close is not None:
            await close()
