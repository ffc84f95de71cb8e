"""Spawns asked for: those that wait, those sent and not answered yet, and those whose
worker is on its way up.

Decided here: how many of each there are at once, for how long an answer may be owed.
Absent: sending (``spawner``).
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kanban_ipc.spawning import Spawn

IN_FLIGHT_MAX: Final = 8
"""A storm of starts must not fill the socket, and more forks at once would only make
each slower."""
RISING_MAX: Final = 16
"""Between fork and hello: a pool of hundreds comes up as fast as the processors allow,
and none of it is overdue because all the others were started before it had its turn."""
ANSWER_WAIT_S: Final = 10.0
"""A fork takes milliseconds; a spawner that owes an answer for so long is stuck."""


@dataclass(slots=True)
class Request:
    """One spawn; its secret is kept until there is an answer."""

    wish: Spawn
    secret: str
    timer: asyncio.TimerHandle | None = None


class SpawnRequests:
    """By incarnation, in the order in which they came."""

    def __init__(self, overdue: Callable[[], None]) -> None:
        """``overdue`` is called when an answer is owed for too long."""
        self._overdue = overdue
        self._waiting: deque[Request] = deque()
        self._in_flight: dict[str, Request] = {}
        self._rising: set[str] = set()

    def add(self, wish: Spawn, secret: str) -> None:
        """One more; it waits for ``take``."""
        self._waiting.append(Request(wish, secret))

    def withdraw(self, incarnation: str) -> bool:
        """True: it was still waiting, and is gone."""
        for request in self._waiting:
            if request.wish.incarnation == incarnation:
                self._waiting.remove(request)
                return True
        return False

    def take(self) -> Request | None:
        """The next to be sent now; None: nothing waits, or enough is under way."""
        full = len(self._in_flight) >= IN_FLIGHT_MAX or len(self._rising) >= RISING_MAX
        if full or not self._waiting:
            return None
        request = self._waiting.popleft()
        self._rising.add(request.wish.incarnation)
        self.sent(request)
        return request

    def sent(self, request: Request) -> None:
        """It is (again) under way: an answer is owed from now on."""
        self._in_flight[request.wish.incarnation] = request
        loop = asyncio.get_running_loop()
        request.timer = loop.call_later(ANSWER_WAIT_S, self._overdue)

    def answered(self, incarnation: str) -> bool:
        """There is an answer; False: none was owed."""
        request = self._in_flight.pop(incarnation, None)
        if request is None:
            return False
        _cancel(request)
        return True

    def risen(self, incarnation: str) -> bool:
        """It is up, or will never be; False: that was known."""
        if incarnation not in self._rising:
            return False
        self._rising.discard(incarnation)
        return True

    def unanswered(self) -> list[Request]:
        """Sent on a connection that is lost; they are owed no more."""
        lost = list(self._in_flight.values())
        self._in_flight.clear()
        return lost

    def hold(self) -> None:
        """The connection is lost: nobody is late any more."""
        for request in self._in_flight.values():
            _cancel(request)


def secret_descriptor(secret: str) -> int:
    """A memfd with the secret; the receiver reads it at offset 0. So it is never in an
    argument, an environment or a file."""
    descriptor = os.memfd_create("secret", os.MFD_CLOEXEC)
    os.write(descriptor, secret.encode("ascii"))
    return descriptor


def _cancel(request: Request) -> None:
    if request.timer is not None:
        request.timer.cancel()
        request.timer = None
