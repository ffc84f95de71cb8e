"""The daemon replaced in place: whether the newly installed version may take over, and
how it does.

Theory. The command that started this daemon is asked whether it would start here
(``--preflight``: imports, configuration, store); only then the daemon hands over, and
executes that command in its own process. So the service manager and the terminal keep
what they started, and no one else's turn comes between.

Decided here: what is executed, what it must prove before, and what passes through the
exec besides the standard streams: signals, which wait until somebody can heed them, and
children, which are ours to bury. Absent: the hand-over itself (``daemon``).
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import MutableMapping, Sequence
from typing import Final, NoReturn

import msgspec
import psutil

from kanband.errors import KanbandError
from kanband.shell.descriptors import give_back
from kanband.shell.identity import process_id
from kanband.shell.pidfd import Pidfd, ProcessGone

CHILDREN: Final = "KANBAND_CHILDREN"
"""In the environment, from one version to the next: pids, with commas."""
PATIENCE_S: Final = 60.0
"""An interpreter's start and all imports; a loaded machine may need some seconds."""
HELD: Final = frozenset(
    {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1},
)
"""Without a handler each of them would end the process."""
_LINES: Final = 5


class Preflight(msgspec.Struct, frozen=True):
    """What a version that could take over says of itself."""

    version: str


class NotFit(KanbandError):
    """The installed version would not come up; nothing was changed."""

    def __init__(self, why: str) -> None:
        """``why``: its own words."""
        super().__init__(
            f"the installed version would not start here, so nothing was changed and "
            f"this one goes on: {why}. Mend that, then: kanbanctl upgrade"
        )


def command() -> list[str]:
    """What started this daemon, by the interpreter that it runs on."""
    return [sys.executable, *sys.orig_argv[1:]]


async def examine(daemon: Sequence[str], worker: Sequence[str]) -> Preflight:
    """Ask the installed programs whether they would start. Raises ``NotFit``.

    ``worker``: of the worker's program; it is to be of the same version.
    """
    said, worker_said = await asyncio.gather(
        _ask([*daemon, "--preflight"]), _ask([*worker, "--version"])
    )
    try:
        found = msgspec.json.decode(said, type=Preflight)
    except msgspec.MsgspecError as error:
        raise NotFit(f"kanband --preflight said {said[:200]!r}") from error
    if worker_said.decode("utf-8", "replace").strip() != found.version:
        other = worker_said.decode("utf-8", "replace").strip()
        raise NotFit(
            f"kanband is of version {found.version}, kanban-worker of {other}: the "
            "installation is not whole"
        )
    return found


async def _ask(argv: Sequence[str]) -> bytes:
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise NotFit(f"{argv[0]}: {error.strerror}") from error
    try:
        async with asyncio.timeout(PATIENCE_S):
            said, errors = await process.communicate()
    except TimeoutError:
        raise NotFit(
            f"{' '.join(argv)} did not end within {PATIENCE_S:.0f} s"
        ) from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            # To the end of its pipes, too: they are closed by that.
            await process.communicate()
    if process.returncode:
        lines = errors.decode("utf-8", "replace").strip().splitlines()[-_LINES:]
        text = " / ".join(line.strip() for line in lines)
        raise NotFit(text.rstrip(".") or f"{argv[0]} ended with {process.returncode}")
    return said


# ----------------------------------------------------------------- through the exec


def hold_signals() -> None:
    """From now on they wait, in this program and in the one that is executed."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD)


def replace(argv: Sequence[str], *, asked_to_stop: bool) -> NoReturn:
    """Become the program ``argv``. Raises ``OSError``.

    ``asked_to_stop``: somebody did, when this one had begun to leave already.
    """
    if asked_to_stop:
        os.kill(os.getpid(), signal.SIGTERM)
    children = ",".join(str(child.pid) for child in psutil.Process().children())
    environ = {**os.environ, CHILDREN: children}
    # It would take ours for what the system gave it.
    give_back(os.getpid())
    os.execve(argv[0], list(argv), environ)  # noqa: S606 - what started this one


class Inheritance:
    """What came through an exec; empty in a daemon that was started as usual."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        """Needs a running loop. ``environ``: what is for us alone is taken out."""
        self._came: list[int] = []
        self._children: dict[int, Pidfd] = {}
        if signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, ()):
            # Noted until there is somebody to tell; what is started meanwhile must not
            # inherit that they are blocked.
            for number in HELD:
                signal.signal(number, lambda came, _frame: self._came.append(came))
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
        for pid in environ.pop(CHILDREN, "").split(","):
            if pid.isdecimal():
                self._bury_later(int(pid))

    def _bury_later(self, pid: int) -> None:
        process = process_id(pid)
        if process is None:
            return
        try:
            self._children[pid] = Pidfd(process, lambda: self._bury(pid))
        except ProcessGone:
            _wait(pid)

    def _bury(self, pid: int) -> None:
        del self._children[pid]
        _wait(pid)

    def deliver(self) -> None:
        """The handlers are there: what came before them comes again."""
        came, self._came = self._came, []
        for number in came:
            os.kill(os.getpid(), number)

    def close(self) -> None:
        """Watch nobody any more."""
        for child in self._children.values():
            child.close()
        self._children.clear()


def _wait(pid: int) -> None:
    # It may be the child of somebody else by now, or buried already.
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
