"""Starting a spawner: executed and detached, or as a unit of the service manager.

Decided here: what it inherits (the environment without the service manager's words to
*us*; the null device, its log, its own session) and how it is known to listen (a byte
on a pipe, as s6's notification-fd). Absent: when one is started, and talking to it.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from kanban_ipc import layout
from kanban_ipc.words import UnitScope
from kanband.errors import KanbandError
from kanband.shell import descriptors
from kanband.shell.identity import process_id
from kanband.shell.logtail import last_lines, size
from kanband.shell.pidfd import Pidfd, ProcessGone
from kanband.shell.unconfined import OURS_ALONE

COMMAND: Final = (sys.executable, "-m", "kanban_worker", "--spawner")
UNIT: Final = "kanban-workers.service"
LOG: Final = "spawner.log"
LOG_BYTES_MAX: Final = 1 << 20
"""It says a line when something is wrong; one start after another may fail."""
_LISTENS_WITHIN_S: Final = 20.0
"""Imports take 0.3 s on an idle machine; a loaded one may need many times that."""
_READY_FD: Final = 3
_DEFAULT_SIGNALS: Final = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGCHLD,
    signal.SIGUSR1,
    signal.SIGUSR2,
)


class SpawnerTrouble(KanbandError):
    """No spawner could be started or reached; the text says why and what to do."""


class Starter:
    """Starts spawners for one pair of directories, and buries those it started."""

    def __init__(
        self,
        state_dir: Path,
        runtime_dir: Path,
        *,
        units: UnitScope,
        command: Sequence[str] = COMMAND,
    ) -> None:
        """``units``: the systemd manager to ask; none: execute it ourselves."""
        self._state_dir = state_dir
        self._runtime_dir = runtime_dir
        self._units = units
        self._command = tuple(command)
        self._child: Pidfd | None = None
        self._children: dict[int, Pidfd] = {}

    @property
    def log_path(self) -> Path:
        """Where an executed spawner writes."""
        return self._state_dir / layout.LOGS_DIR / LOG

    async def start(self) -> None:
        """Return once it listens. Raises ``SpawnerTrouble``."""
        if self._units:
            await _start_unit(self._units)
        else:
            await self._execute()

    def dismiss(self) -> None:
        """Send away the one that was started last, should it live: nobody has spoken
        with it yet, so it has no workers."""
        if self._child is not None:
            self._child.signal(signal.SIGTERM)

    def close(self) -> None:
        """Let go of those that run; they are init's, should they end after us."""
        for child in self._children.values():
            child.close()
        self._children.clear()
        self._child = None

    async def _execute(self) -> None:
        self.log_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._set_log_aside()
        written = size(self.log_path)
        reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            try:
                self._bury_later(self._exec(writer))
            finally:
                os.close(writer)
            listens = await _byte(reader)
        except (OSError, TimeoutError) as error:
            raise SpawnerTrouble(
                f"the spawner could not be started: {error}"
            ) from error
        finally:
            os.close(reader)
        if not listens:
            lines = " / ".join(last_lines(self.log_path, written)[-3:])
            raise SpawnerTrouble(
                f"the spawner ended before it listened: {lines or 'it wrote nothing'} "
                f"(see {self.log_path}); no worker can be started until it does"
            )

    def _set_log_aside(self) -> None:
        """Its writer cannot: what a spawner says comes from the interpreter, too."""
        if size(self.log_path) > LOG_BYTES_MAX:
            self.log_path.replace(self.log_path.with_name(f"{LOG}.1"))

    def _exec(self, ready: int) -> int:
        places = {"--runtime-dir": self._runtime_dir, "--state-dir": self._state_dir}
        options = [word for pair in places.items() for word in map(str, pair)]
        argv = [*self._command, *options, "--ready-fd", str(_READY_FD)]
        log_flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        pid = os.posix_spawn(
            argv[0],
            argv,
            _environment(os.environ),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(self.log_path), log_flags, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
                (os.POSIX_SPAWN_DUP2, ready, _READY_FD),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=_DEFAULT_SIGNALS,
        )
        descriptors.give_back(pid)
        return pid

    def _bury_later(self, pid: int) -> None:
        """It is our child, so it would be a zombie without us."""
        try:
            process = process_id(pid)
            assert process is not None, "our own child, not waited for"
            # One that is about to end keeps its watch beside the next one's.
            self._child = self._children[pid] = Pidfd(process, lambda: self._bury(pid))
        except ProcessGone:
            _bury(pid)
        except OSError:
            # Out of descriptors. Nobody has spoken with it yet; unwatched, it would be
            # a zombie for as long as we live.
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise

    def _bury(self, pid: int) -> None:
        del self._children[pid]
        _bury(pid)


async def _start_unit(scope: UnitScope) -> None:
    """Done when it listens, for so the unit is made. Workers that live keep the unit
    active, so that a start would do nothing: its reload brings the new spawner."""
    systemctl = await asyncio.create_subprocess_exec(
        "systemctl",
        f"--{scope}",
        "reload-or-restart",
        UNIT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await systemctl.communicate()
    if systemctl.returncode != 0:
        text = errors.decode("utf-8", "replace").strip()
        raise SpawnerTrouble(
            f"systemctl reload-or-restart {UNIT}: {text}; see journalctl "
            f"--{scope} -u {UNIT}"
        )


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    """What workers, and of that what their agents, may inherit."""
    return {name: value for name, value in ours.items() if name not in OURS_ALONE}


async def _byte(reader: int) -> bool:
    """Whether a byte came; False: the other end was closed without one. Raises
    ``TimeoutError``.
    """
    loop = asyncio.get_running_loop()
    readable = loop.create_future()
    loop.add_reader(reader, readable.set_result, None)
    try:
        async with asyncio.timeout(_LISTENS_WITHIN_S):
            await readable
    finally:
        loop.remove_reader(reader)
    return os.read(reader, 1) != b""


def _bury(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        # Whoever reaps in this process was quicker.
        return
