"""Another user of the machine, let in by a directory that was opened: refused by what
the kernel says of who connects. As root alone, who can be another.
"""

import asyncio
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kanban_ipc import agent, layout
from kanband.shell.agent_methods import AGENT
from kanband.shell.control import ControlServer
from support.control_server import served
from support.spawner_process import PATIENCE_S, SpawnerProcess

pytestmark = pytest.mark.root
NOBODY = 65534


@contextmanager
def as_nobody(path: Path, kind: socket.SocketKind) -> Iterator[socket.socket]:
    """A connection to a socket that everybody may write to."""
    path.parent.chmod(0o711)
    path.chmod(0o666)
    before = Path.cwd()
    with socket.socket(socket.AF_UNIX, kind) as sock:
        sock.settimeout(PATIENCE_S)
        # From inside, since the folders above are private, too.
        os.chdir(path.parent)
        os.seteuid(NOBODY)
        try:
            sock.connect(path.name)
        finally:
            os.seteuid(0)
            os.chdir(before)
        yield sock


def test_the_control_sockets_tell_him_so_and_no_more(tmp_path: Path) -> None:
    def told(path: Path) -> dict[str, object]:
        with as_nobody(path, socket.SOCK_STREAM) as sock:
            said = sock.recv(4096)
            assert not sock.recv(4096), "it hung up"
        answer: dict[str, object] = json.loads(said.removesuffix(b"\0"))
        return answer

    async def fact() -> None:
        async with served(tmp_path) as it:
            path = it.path.with_name(layout.AGENT_SOCKET)
            agents = ControlServer(path, it.daemon, api=AGENT)
            await agents.open()
            for each, interface in ((it.path, "io.kanban"), (path, agent.INTERFACE)):
                answer = await asyncio.to_thread(told, each)
                assert answer["error"] == f"{interface}.NotPermitted"
                assert f"does not answer user {NOBODY}" in str(answer["parameters"])
            await agents.close()

    asyncio.run(fact())


def test_the_spawner_hangs_up_and_keeps_its_daemon(tmp_path: Path) -> None:
    spawner = SpawnerProcess(tmp_path)
    try:
        daemon = spawner.connect()
        with as_nobody(spawner.path, socket.SOCK_SEQPACKET) as stranger:
            assert not stranger.recv(4096)
        daemon.started("first")
    finally:
        spawner.close()
