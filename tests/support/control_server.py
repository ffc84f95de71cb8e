"""The control socket's server on a daemon without processes, in this process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from kanban_ipc.layout import CONTROL_SOCKET
from kanband.shell.connection import Patience
from kanband.shell.control import ControlServer
from kanband.shell.methods import CONTROL
from kanband.shell.methods.api import Api
from support.daemon_double import DaemonDouble, daemon_double
from support.varlink_client import VarlinkClient, varlink_client


class Served(NamedTuple):
    """What a test needs of it."""

    daemon: DaemonDouble
    server: ControlServer
    client: VarlinkClient
    path: Path


async def until(fact: Callable[[], bool], what: str) -> None:
    """Let the loop turn until something holds that nobody announces."""
    try:
        async with asyncio.timeout(10):
            while not fact():  # noqa: ASYNC110 - see above
                await asyncio.sleep(0)
    except TimeoutError:
        raise AssertionError(f"not within 10 s: {what}") from None


@asynccontextmanager
async def served(
    root: Path,
    toml: str = "",
    *,
    uids: frozenset[int] | None = None,
    patience: Patience | None = None,
    api: Api = CONTROL,
) -> AsyncIterator[Served]:
    """A listening server and one client of it."""
    async with daemon_double(root, toml) as daemon:
        path = daemon.config.runtime_dir / CONTROL_SOCKET
        server = ControlServer(path, daemon, uids=uids, patience=patience, api=api)
        await server.open()
        try:
            async with varlink_client(path) as client:
                yield Served(daemon, server, client, path)
        finally:
            await server.close()
