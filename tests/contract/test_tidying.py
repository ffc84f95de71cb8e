"""``gc`` by itself: when the configuration says so, and not before."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kanban_ipc import layout
from kanband.shell.tidying import Tidying
from support.control_server import Served, served, until

NOW = "[gc]\nevery_s = 86400\nkeep_s = 0\n"


def leftover(it: Served, name: str) -> Path:
    """The folder of a run that the store knows nothing of."""
    path = it.daemon.config.state_dir / layout.RUNS_DIR / name
    path.mkdir()
    return path


@asynccontextmanager
async def tidying_of(it: Served) -> AsyncIterator[Tidying]:
    tidying = Tidying(it.daemon, it.daemon.clock.monotonic, first_s=0.0)
    task = asyncio.create_task(tidying.run())
    try:
        yield tidying
    finally:
        task.cancel()
        await asyncio.wait((task,))


@asynccontextmanager
async def tidied(tmp_path: Path, toml: str) -> AsyncIterator[tuple[Served, Tidying]]:
    async with served(tmp_path, toml) as it, tidying_of(it) as tidying:
        yield it, tidying


def test_it_comes_in_its_time_and_says_what_went(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    async def fact() -> None:
        async with tidied(tmp_path, NOW) as (it, _):
            path = leftover(it, "old")
            await until(lambda: not path.exists(), "it is gone")
            await until(lambda: "gc freed" in caplog.text, "it is said")

    asyncio.run(fact())


def test_it_never_comes_unasked_and_a_reload_asks(tmp_path: Path) -> None:
    async def fact() -> None:
        async with tidied(tmp_path, "") as (it, tidying):
            path = leftover(it, "old")
            # Whatever is due would be done in between.
            await asyncio.to_thread(path.exists)
            tidying.reloaded()
            await asyncio.to_thread(path.exists)
            assert path.exists()
            file = it.daemon.config.config_file
            assert file is not None
            file.unlink()
            file.write_text(NOW)
            await it.daemon.reload()
            tidying.reloaded()
            await until(lambda: not path.exists(), "it is gone")

    asyncio.run(fact())


def test_a_store_that_refuses_is_asked_again_the_next_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def fact() -> None:
        async with served(tmp_path, NOW) as it:
            await it.daemon.close()
            async with tidying_of(it):
                told = "tried again in its time"
                await until(lambda: told in caplog.text, "it is said")

    asyncio.run(fact())
