"""The daemon's end, when what it waits for never comes."""

import asyncio
import logging
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from kanban_ipc.control import StopProof
from kanband import __main__ as program
from kanband.config import Flags, load
from kanband.shell import daemon as daemon_module
from kanband.shell import logs
from kanband.shell.clock import SystemClock
from kanband.shell.daemon import Kanband
from kanband.shell.fleet import Fleet
from kanband.shell.life import Course
from kanband.store.errors import StoreFailed
from support.daemon_double import RunsDouble

CONFIG = "[workers]\nstop_timeout_s = 0.05\ngrace_s = 0.05\n"
PATIENCE_S = 20.0


class Stuck:
    """A fleet whose rows are never written, as on a full disk."""

    def __init__(self) -> None:
        self.asked: list[bool] = []

    async def shut_down(self, *, now: bool) -> list[StopProof]:
        self.asked.append(now)
        await asyncio.Event().wait()
        raise AssertionError


class Runs(RunsDouble):
    def __init__(self) -> None:
        self.held = False

    def hold(self) -> None:
        self.held = True


async def nothing() -> None:
    """No run is live."""


async def left_by(root: Path, begin: Callable[[Course], Awaitable[None]]) -> Stuck:
    """Leave, with ``begin`` going on beside it."""
    (root / "kanban.toml").write_text(CONFIG)
    flags = Flags(config=str(root / "kanban.toml"), state_dir=str(root / "state"))
    daemon = Kanband(lambda: load(flags, {}), {})
    daemon.life = Course(SystemClock(), nothing)
    daemon.fleet = fleet = Stuck()  # type: ignore[assignment]
    daemon.runs = Runs()  # type: ignore[assignment]
    daemon.life.shutdown(now=False, keep_workers=False)
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(daemon._leave("stop"), begin(daemon.life))
    return fleet


def test_a_stop_lasts_no_longer_than_is_promised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(daemon_module, "_LEAVE_MARGIN_S", 0.05)

    async def wait(_life: Course) -> None:
        """Nobody hurries it."""

    with caplog.at_level(logging.ERROR):
        fleet = asyncio.run(left_by(tmp_path, wait))
    assert fleet.asked == [False, True]
    assert "left before all was stopped" in caplog.text


def test_a_store_that_fails_ends_a_stop_at_once(tmp_path: Path) -> None:
    async def fail(life: Course) -> None:
        life.fail(StoreFailed("disk I/O error"))

    # The margin is half a minute: it is not waited for.
    fleet = asyncio.run(left_by(tmp_path, fail))
    assert fleet.asked[0] is False


def test_a_store_that_fails_under_a_start_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Worker rows wait for a disk that is full; one that failed takes none."""
    monkeypatch.setattr(logs, "set_up", lambda *_args: None)

    async def waits_for_its_rows(_fleet: Fleet, *_: object) -> None:
        daemon._store_failed(OSError("disk I/O error"))
        await asyncio.Event().wait()

    monkeypatch.setattr(Fleet, "open", waits_for_its_rows)
    # A socket's path has a hundred bytes.
    with tempfile.TemporaryDirectory(prefix="kanband-") as runtime:
        flags = Flags(state_dir=str(tmp_path / "state"), runtime_dir=runtime)
        daemon = Kanband(lambda: load(flags, {}), {})

        async def start() -> None:
            async with asyncio.timeout(PATIENCE_S):
                await daemon.run()

        with pytest.raises(StoreFailed, match="the disk failed under the store"):
            asyncio.run(start())


@pytest.mark.parametrize(
    ("error", "code"), [(RuntimeError("a bug"), 101), (OSError("no sockets"), 111)]
)
def test_an_error_nobody_foresaw_is_logged_and_has_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    async def fails(_self: Kanband) -> int:
        raise error

    monkeypatch.setattr(Kanband, "_serve", fails)
    monkeypatch.setattr(logs, "set_up", lambda *_args: None)
    assert program.main(["--state-dir", str(tmp_path / "state")]) == code
