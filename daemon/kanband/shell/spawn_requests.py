"""Spawns asked for: those that wait, and those that are sent and not yet answered.

Decided here: how many are under way at once, and for how long an answer may be owed.
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
        if not self._waiting or len(self._in_flight) >= IN_FLIGHT_MAX:
            return None
        request = self._waiting.popleft()
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
