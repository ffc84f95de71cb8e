"""Hints that the journal has grown: coalesced, and none that matters is missed."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any

from kanband.shell.feed import Feed


def run(body: Callable[[Feed], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(body(Feed()))


def follow(feed: Feed) -> AsyncGenerator[int, None]:
    hints = feed.subscribe()
    assert isinstance(hints, AsyncGenerator)
    return hints


async def quiet(hints: AsyncGenerator[int, None]) -> bool:
    """Whether nothing is hinted now; the subscription is over after that."""
    hint = asyncio.ensure_future(anext(hints))
    for _ in range(5):
        await asyncio.sleep(0)
    silent = not hint.done()
    hint.cancel()
    await asyncio.gather(hint, return_exceptions=True)
    return silent


def test_the_first_hint_comes_at_once() -> None:
    async def body(feed: Feed) -> None:
        feed.notify(7)
        hints = follow(feed)
        assert await anext(hints) == 7
        await hints.aclose()

    run(body)


def test_hints_that_were_not_taken_become_one() -> None:
    async def body(feed: Feed) -> None:
        hints = follow(feed)
        await anext(hints)
        for head in range(1, 100):
            feed.notify(head)
        assert await anext(hints) == 99
        assert await quiet(hints)

    run(body)


def test_what_comes_while_one_is_at_work_is_hinted_next() -> None:
    async def body(feed: Feed) -> None:
        seen = []
        async for head in feed.subscribe():
            seen.append(head)
            if head == 3:
                break
            feed.notify(head + 1)
        assert seen == [0, 1, 2, 3]

    run(body)


def test_a_slow_follower_keeps_nobody_waiting() -> None:
    async def body(feed: Feed) -> None:
        slow, quick = follow(feed), follow(feed)
        await anext(slow)
        await anext(quick)
        for head in (1, 2, 3):
            feed.notify(head)
            assert await anext(quick) == head
        assert await anext(slow) == 3
        await slow.aclose()
        await quick.aclose()

    run(body)


def test_who_leaves_is_forgotten() -> None:
    async def body(feed: Feed) -> None:
        hints = follow(feed)
        await anext(hints)
        assert feed.subscribers == 1
        await hints.aclose()
        assert feed.subscribers == 0
        left = asyncio.ensure_future(anext(follow(feed)))
        await left
        waiting = follow(feed)
        await anext(waiting)
        assert await quiet(waiting)
        assert feed.subscribers <= 1

    run(body)
