"""The server of the control socket, and of the agents': who may connect, how many.

Decided here: the same user or root is let in (SO_PEERCRED), at most
``CONTROL_CONNECTIONS_MAX`` at a time, and fewer where descriptors run short; a newcomer
beyond that takes the place of the client that has been idle longest, and is refused
when all are busy. Who hangs up frees
its place at once, though what it asked for goes on: as many again. What is said on a
connection is in ``connection``, what it means in ``calls``.
"""

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Final

from kanban_ipc import bounds
from kanban_ipc.control import NotPermitted, Refused
from kanband.shell.calls import Calls
from kanband.shell.connection import Answerer, Connection, Patience
from kanband.shell.listening import BACKLOG, Listening
from kanband.shell.methods import CONTROL
from kanband.shell.methods.api import Api
from kanband.shell.ports import Daemon
from kanband.shell.troubles import short

ACCEPTED_AT_ONCE: Final = 16
"""In a turn of the loop. Fewer, and a burst of callers fills the queue; more, and
without descriptors asyncio complains as often each second, with a traceback."""
_ALWAYS: Final = 8
"""Clients that are let in however short descriptors are: they may ask why."""
_FAREWELL_S: Final = 1.0
"""For the last replies to be read."""


class ControlServer:
    """Listens on the socket, from ``open`` until ``close``."""

    def __init__(
        self,
        path: Path,
        daemon: Daemon,
        *,
        uids: frozenset[int] | None = None,
        patience: Patience | None = None,
        api: Api = CONTROL,
    ) -> None:
        """``uids``: who may call; by default the daemon's own user, and root."""
        self._path = path
        self._calls = Calls(daemon, api)
        self.request_bytes_max = api.request_bytes_max
        self._uids = frozenset((os.geteuid(), 0)) if uids is None else uids
        self._connections: dict[Connection, None] = {}
        self._deserted: dict[Connection, None] = {}
        """Their clients have gone; what these asked for is still under way."""
        self._empty = asyncio.Event()
        self._empty.set()
        self._listening: Listening | None = None
        self._server: asyncio.Server | None = None
        self.answerer: Answerer = self._calls
        self.patience = Patience() if patience is None else patience

    def __len__(self) -> int:
        """How many connections there are."""
        return len(self._connections)

    async def open(self) -> None:
        """Begin to answer. Raises ``SocketTaken``."""
        self._listening = Listening(self._path)
        self._server = await asyncio.get_running_loop().create_unix_server(
            lambda: Connection(self),
            sock=self._listening.socket,
            backlog=ACCEPTED_AT_ONCE,
        )
        self._listening.socket.listen(BACKLOG)

    async def close(self) -> None:
        """Take nothing new, end what is under way, and remove the socket's file."""
        if self._server is None or self._listening is None:
            return
        self._calls.closed = True
        self._server.close()
        self._listening.remove()
        everyone = [*self._connections, *self._deserted]
        await asyncio.gather(*(connection.end() for connection in everyone))
        await self._farewell()

    async def _farewell(self) -> None:
        """Let the last replies be read; who does not read them is cut off."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                await self._empty.wait()
        for connection in list(self._connections):
            connection.abort()
        await self._empty.wait()

    def hang_up_on_idle(self) -> None:
        """Descriptors are wanted for those who have something to ask."""
        while self._evict():
            pass

    # ------------------------------------------------------- connection.Host

    def admit(self, connection: Connection, uid: int) -> bytes | None:
        """Count it in, or say why not."""
        if uid not in self._uids:
            owner = min(self._uids - {0}, default=0)
            refused = NotPermitted(
                message=f"this kanband belongs to user {owner} and does not answer "
                f"user {uid}; use that account",
            )
            return self._calls.refusal(refused)
        count = len(self._connections)
        full = count >= bounds.CONTROL_CONNECTIONS_MAX
        tight = count >= _ALWAYS and short(connection.descriptor)
        if (full or tight) and not self._evict():
            busy = Refused(
                message=f"all {count} connections to kanband are "
                "busy; try again, and look for clients that never hang up",
            )
            return self._calls.refusal(busy)
        self._connections[connection] = None
        self._empty.clear()
        return None

    def forget(self, connection: Connection) -> None:
        """Its place is free; what it asked for may go on without it."""
        self._connections.pop(connection, None)
        if connection.is_busy:
            self._deserted[connection] = None
            if len(self._deserted) > bounds.CONTROL_CONNECTIONS_MAX:
                next(iter(self._deserted)).give_up_waiting()
        self._look_whether_empty()

    def ended(self, connection: Connection) -> None:
        """Its last call has ended, too."""
        self._deserted.pop(connection, None)
        self._look_whether_empty()

    def _look_whether_empty(self) -> None:
        if not self._connections and not self._deserted:
            self._empty.set()

    def _evict(self) -> bool:
        """Hang up on whoever has been idle longest, by the time they connected."""
        for connection in self._connections:
            if connection.is_idle:
                connection.abort()
                self.forget(connection)
                return True
        return False
