"""Blocking work (git, fsync, ``/proc``) in a thread of its own, awaited by the loop.

A thread for each piece and no pool: a program run needs two or three in its life, and
an idle worker keeps none. They are daemon threads: a worker that must leave does not
wait for them, and whatever they do is made to be repeated by the next incarnation.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_thread(function: Callable[[], T]) -> T:
    """What ``function`` returns or raises. Cancelling the wait does not end it."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def deliver(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # T may be None

    def work() -> None:
        result: T | None = None
        error: BaseException | None = None
        try:
            result = function()
        except BaseException as raised:  # noqa: BLE001  it belongs to who awaits
            error = raised
        try:
            loop.call_soon_threadsafe(deliver, result, error)
        except RuntimeError:  # the loop is closed: the worker has left
            return

    threading.Thread(target=work, name="blocking", daemon=True).start()
    return await future
