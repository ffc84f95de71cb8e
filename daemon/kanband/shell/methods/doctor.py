"""``Doctor``: the examination from outside, and what only the living daemon knows.

The examination is a process of its own (``shell.doctor``): reading a whole store in
our threads would keep the loop waiting for the interpreter.
"""

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec.structs import replace

from kanban_ipc.control import DoctorCall, DoctorReply, Finding
from kanband.shell.methods.answers import refused
from kanband.shell.ports import Daemon
from kanband.shell.unconfined import unconfined
from kanband.shell.version import version

PATIENCE_S: Final = 600.0
"""A million tickets take minutes on a slow disk."""


async def doctor(daemon: Daemon, _call: DoctorCall) -> DoctorReply:
    """May take as long as reading the whole store."""
    outside = await _examination(daemon)
    inside = [*_problems(daemon), *_versions(daemon, outside.version)]
    return replace(outside, findings=[*inside, *outside.findings])


async def _examination(daemon: Daemon) -> DoctorReply:
    config = daemon.config
    places = {"--state-dir": config.state_dir, "--runtime-dir": config.runtime_dir}
    if config.config_file is not None:
        places["--config"] = config.config_file
    flags = [str(part) for item in places.items() for part in item]
    command = [sys.executable, "-m", "kanband", "--doctor", *flags]
    process = await asyncio.create_subprocess_exec(
        *unconfined(config.units, command, patience_s=PATIENCE_S),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, errors = b"", b"it took too long"
    try:
        async with asyncio.timeout(PATIENCE_S):
            said, errors = await process.communicate()
    except TimeoutError:
        await _end(process)
    except asyncio.CancelledError:
        await _end(process)  # Nobody waits for it any more.
        raise
    try:
        return msgspec.json.decode(said, type=DoctorReply)
    except msgspec.MsgspecError:
        reason = errors.decode("utf-8", "replace").strip()[-500:]
        raise refused(
            f"the examination did not come to its end: {reason}; see for yourself: "
            f"kanband --doctor {' '.join(flags)}"
        ) from None


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    # To the end of its pipes, too: they are closed by that.
    await process.communicate()


def _problems(daemon: Daemon) -> Iterator[Finding]:
    """What ``status`` says, too."""
    troubles = daemon.problems()
    for text in troubles:
        yield Finding(check="daemon", level="wrong", text=text, mend="kanbanctl status")
    if not troubles:
        text = f"{daemon.life.state}, healthy"
        yield Finding(check="daemon", level="ok", text=text, mend="")


def _versions(daemon: Daemon, installed: str) -> Iterator[Finding]:
    """What runs, against what is installed."""
    found = False
    if version() != installed:
        found = True
        yield _outdated(
            f"the daemon is of version {version()}, installed is {installed}",
            "kanbanctl upgrade; runs go on meanwhile",
        )
    for info in daemon.fleet.infos():
        running = daemon.runs.version(info.worker_id)
        # With the daemon's own version it is the daemon that is behind.
        if running not in {None, installed, version()}:
            found = True
            yield _outdated(
                f"{info.worker_id} is of version {running}, installed is {installed}",
                f"kanbanctl restart-worker {info.worker_id}"
                + (", or wait: it is replaced when it has no run" * bool(info.renewal)),
            )
    if not found:
        text = f"{installed}: daemon, workers and what is installed"
        yield Finding(check="versions", level="ok", text=text, mend="")


def _outdated(text: str, mend: str) -> Finding:
    return Finding(check="versions", level="note", text=text, mend=mend)
