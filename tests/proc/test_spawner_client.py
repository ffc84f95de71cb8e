"""The daemon's end of the spawner: answers that are lost are found out."""

import asyncio
import errno
import fcntl
import json
import os
import select
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import psutil
import pytest

from kanban_ipc import layout
from kanban_ipc.spawning import Exited, Spawn, Spawned, SpawnFailed
from kanban_ipc.words import WorkerId
from kanband.shell import spawner_start
from kanband.shell.identity import process_id
from kanband.shell.spawn_requests import RISING_MAX
from kanband.shell.spawner import SpawnerClient
from kanband.shell.spawner_start import LOG, LOG_BYTES_MAX, SpawnerTrouble, Starter
from support import traces
from support.crew_bench import eventually

TINY = "support.tiny_workers:sits"
COMMAND = (sys.executable, "-m", "kanban_worker.spawner", "--worker", TINY)


class Told:
    """What the client has answered."""

    def __init__(self) -> None:
        self.spawned: list[Spawned] = []
        self.failed: list[SpawnFailed] = []
        self.exited: list[Exited] = []

    def on_ready(self) -> None:
        """Nobody waits for it."""

    def on_spawned(self, message: Spawned) -> None:
        self.spawned.append(message)

    def on_spawn_failed(self, message: SpawnFailed) -> None:
        self.failed.append(message)

    def on_exited(self, message: Exited) -> None:
        self.exited.append(message)


class Client:
    def __init__(self, folder: Path) -> None:
        self.state = folder / "s"
        self.told = Told()
        places = (self.state, folder / "r")
        starter = Starter(*places, units="", command=COMMAND)
        self.client = SpawnerClient(
            *places, starter=starter, answers=self.told, jitter=lambda: 0.0
        )

    def spawn(self, incarnation: str, worker_id: str = "worker-1") -> None:
        wish = Spawn(
            worker_id=WorkerId(worker_id),
            incarnation=incarnation,
            state_dir=str(self.state),
            link_endpoint="",
            slots=1,
            log_path=str(self.state / "logs" / f"{worker_id}.log"),
        )
        self.client.spawn(wish, "secret")

    async def ready(self, other_than: int | None = None) -> int:
        await eventually(lambda: self.client.pid not in {None, other_than}, "ready")
        assert self.client.pid is not None
        return self.client.pid


@asynccontextmanager
async def connected(folder: Path) -> AsyncIterator[Client]:
    client = Client(folder)
    client.client.keep()
    try:
        await client.ready()
        yield client
    finally:
        await client.client.close()
        traces.end_all((str(folder),))


def test_spawns_that_were_asked_for_without_a_spawner_wait_for_it(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with connected(tmp_path) as client:
            old = await client.ready()
            os.kill(old, signal.SIGKILL)
            await eventually(lambda: client.client.pid is None, "its loss")
            for n in range(20):
                client.spawn(f"i-{n}", f"worker-{n}")
            told = client.told.spawned
            await eventually(lambda: len(told) == RISING_MAX, "as many as may rise")
            for each in tuple(told):
                client.client.risen(each.incarnation)
            await eventually(lambda: len(told) == 20, "all")
            assert client.told.failed == []

    asyncio.run(scenario())


def test_an_answer_that_died_with_the_spawner_means_another_incarnation(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with connected(tmp_path) as client:
            old = await client.ready()
            os.kill(old, signal.SIGSTOP)
            client.spawn("first")
            os.kill(old, signal.SIGKILL)
            await client.ready(other_than=old)
            [failed] = client.told.failed
            assert failed.incarnation == "first"
            assert "died before it answered" in failed.reason
            assert client.told.spawned == []

    asyncio.run(scenario())


def test_a_fork_whose_answer_was_lost_is_found_by_its_lock(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with connected(tmp_path) as client:
            old = await client.ready()
            os.kill(old, signal.SIGSTOP)
            client.spawn("first")
            pid = hold_lock(client.state / layout.WORKERS_DIR, "worker-1", "first")
            try:
                os.kill(old, signal.SIGKILL)
                await client.ready(other_than=old)
                [spawned] = client.told.spawned
                assert spawned.process.pid == pid
                assert client.told.failed == []
                # The new spawner is not its parent.
                assert not client.client.knows("first")
            finally:
                end(pid)

    asyncio.run(scenario())


def test_the_same_spawner_is_asked_again_and_starts_it_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with connected(tmp_path) as client:
            spawner = await client.ready()
            os.kill(spawner, signal.SIGSTOP)
            client.spawn("first")
            # Another connection replaces ours as soon as it goes on.
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as other:
                other.connect(str(tmp_path / "r" / layout.SPAWNER_SOCKET))
                os.kill(spawner, signal.SIGCONT)
                await eventually(lambda: client.told.spawned, "an answer")
            assert len(client.told.spawned) == 1
            assert client.told.failed == []
            assert await client.ready() == spawner

    asyncio.run(scenario())


def test_a_spawn_that_was_not_sent_can_be_withdrawn(tmp_path: Path) -> None:
    async def scenario() -> None:
        client = Client(tmp_path)
        client.spawn("first")
        client.spawn("second", "worker-2")
        assert client.client.withdraw("second")
        assert not client.client.withdraw("second")
        client.client.keep()
        await eventually(lambda: client.told.spawned, "the other")
        await client.client.close()
        traces.end_all((str(tmp_path),))
        assert [s.incarnation for s in client.told.spawned] == ["first"]

    asyncio.run(scenario())


def hold_lock(folder: Path, worker_id: str, incarnation: str) -> int:
    """A process that holds the worker's lock as a worker does; its pid."""
    folder.mkdir(parents=True, exist_ok=True)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        path = folder / f"{worker_id}{layout.WORKER_LOCK_SUFFIX}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        me = process_id(os.getpid())
        assert me is not None
        text = msgspec.structs.asdict(me) | {"incarnation": incarnation}
        os.write(descriptor, json.dumps(text).encode())
        os.write(writer, b"\n")
        while True:
            signal.pause()
    select.select([reader], [], [], 10)
    os.close(reader)
    os.close(writer)
    return pid


def end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_a_long_log_of_earlier_spawners_is_set_aside(tmp_path: Path) -> None:
    log = tmp_path / "s" / "logs" / LOG
    log.parent.mkdir(parents=True)
    log.write_bytes(b"x" * (LOG_BYTES_MAX + 1))

    async def fact() -> None:
        async with connected(tmp_path):
            assert log.stat().st_size < LOG_BYTES_MAX
            assert log.with_name(f"{LOG}.1").stat().st_size == LOG_BYTES_MAX + 1

    asyncio.run(fact())


def test_a_spawner_that_cannot_be_watched_is_ended_and_buried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There was a descriptor to start it with, and none to watch it by."""

    def refused(_process: object, _ended: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(spawner_start, "Pidfd", refused)
    before = {child.pid for child in psutil.Process().children()}
    starter = Starter(tmp_path / "s", tmp_path / "r", units="", command=COMMAND)
    with pytest.raises(SpawnerTrouble, match="Too many open files"):
        asyncio.run(starter.start())
    assert {child.pid for child in psutil.Process().children()} <= before
