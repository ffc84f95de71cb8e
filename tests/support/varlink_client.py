"""A client of the control socket on the event loop; also one that misbehaves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from kanban_ipc import varlink
from kanban_ipc.control import INTERFACE, METHODS, Call, Reply

R = TypeVar("R", bound=Reply)
_NAMES = {method.call: name for name, method in METHODS.items()}
_PATIENCE_S = 10.0


class Answered(Exception):
    """The answer was an error."""

    def __init__(self, name: str, parameters: dict[str, Any]) -> None:
        super().__init__(f"{name} {parameters}")
        self.name = name.removeprefix(f"{INTERFACE}.")
        self.parameters = parameters
        self.message = str(parameters.get("message", ""))


class VarlinkClient:
    """One connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self.writer = writer

    async def call(self, wish: Call, reply: type[R]) -> R:
        """One call and its reply. Raises ``Answered``."""
        self.send(wish)
        return (await self.receive(reply))[0]

    def send(self, wish: Call, *, more: bool = False, oneway: bool = False) -> None:
        """A call; what it is answered is received later."""
        name = f"{INTERFACE}.{_NAMES[type(wish)]}"
        self.raw(varlink.request(name, wish, more=more, oneway=oneway))

    def raw(self, data: bytes) -> None:
        """Any bytes."""
        self.writer.write(data)

    async def response(self) -> varlink.Response:
        """The next message. Raises ``asyncio.IncompleteReadError`` at the end."""
        async with asyncio.timeout(_PATIENCE_S):
            message = await self._reader.readuntil(varlink.NUL)
        return varlink.parse_response(message[:-1])

    async def receive(self, reply: type[R]) -> tuple[R, bool]:
        """A reply, and whether more follow. Raises ``Answered``."""
        response = await self.response()
        if response.error is not None:
            raise Answered(response.error, msgspec.json.decode(response.parameters))
        return msgspec.json.decode(response.parameters, type=reply), response.continues

    def rest(self) -> None:
        """Read nothing more: what comes waits in the kernel, and then at the sender."""
        self._transport.pause_reading()

    def wake(self) -> None:
        """Read on."""
        self._transport.resume_reading()

    @property
    def _transport(self) -> asyncio.ReadTransport:
        transport = self.writer.transport
        assert isinstance(transport, asyncio.ReadTransport)
        return transport

    async def hung_up(self) -> bool:
        """Whether the server ends the connection, perhaps after a last message."""
        async with asyncio.timeout(_PATIENCE_S):
            with suppress(ConnectionError):
                while await self._reader.read(1 << 16):
                    pass
        return True

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


@asynccontextmanager
async def varlink_client(path: Path) -> AsyncIterator[VarlinkClient]:
    """A connection for a while."""
    reader, writer = await asyncio.open_unix_connection(path, limit=64 << 20)
    client = VarlinkClient(reader, writer)
    try:
        yield client
    finally:
        await client.close()
