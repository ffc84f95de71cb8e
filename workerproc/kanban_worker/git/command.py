"""One git command: started, bounded, stopped.

Decided here: 60 s for a command; no prompt, no editor, no hook, no signature, no file
system monitor; no garbage collection (it would go on in the background and keep the
repository's lock); no ``GIT_*`` of the worker's environment; output in plain English
and within a bound (``pipes``). A git has a session of its own, so that its filters end
with it.

Blocking: to be called from a thread, never from the event loop.
"""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

from kanban_worker.core.obstacles import lasts
from kanban_worker.git.obstructed import obstacle
from kanban_worker.git.pipes import Said, Taker, exchange

TIMEOUT_S: Final = 60.0
TERM_PATIENCE_S: Final = 2.0
"""On SIGTERM git removes its lock files and half-made worktrees; then SIGKILL."""
OUTPUT_BYTES_MAX: Final = 64 << 20
"""Names of about a million files."""

SETTINGS: Final = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.quotePath=false",
    "commit.gpgSign=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "color.ui=false",
    "submodule.recurse=false",
    "status.showUntrackedFiles=normal",
    "core.safecrlf=false",
    "i18n.commitEncoding=UTF-8",
)


_BUSY: Final = re.compile(
    r"lock'?: File exists|could not lock config file .*: File exists"
    r"|cannot lock ref .* but expected"
    r"|Resource temporarily unavailable|Cannot allocate memory|Out of memory"
    r"|Too many open files",
)
"""What git says where another git is at work (lockfile.c, config.c, refs), or where
the machine is at its limits (strerror(3))."""
_KILLED: Final = (signal.SIGKILL, signal.SIGTERM)
"""Not by us: out of memory, or the machine goes down."""


class GitError(Exception):
    """Git could not do it; the text is for people."""


class PassingError(GitError):
    """It says nothing of the repository; the same command may work later."""


class DiskFull(PassingError):
    """There was no space."""


class GitBusy(PassingError):
    """Somebody else had the repository, or the machine was too busy."""


class Interrupted(PassingError):
    """``Git.interrupt`` was called."""


class Git:
    """Runs git for one run of a ticket; ``interrupt`` may come from another thread."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._interrupted = False

    @property
    def interrupted(self) -> bool:
        """Whether ``interrupt`` was called."""
        return self._interrupted

    def interrupt(self) -> None:
        """End the command that runs, in order, and refuse further ones."""
        with self._guard:
            self._interrupted = True
            if self._process is not None:
                _signal(self._process, signal.SIGTERM)

    def run(
        self,
        directory: Path,
        *args: str,
        stdin: bytes = b"",
        lock_fd: int | None = None,
        accept: Sequence[int] = (0,),
        ceiling: Path | None = None,
    ) -> bytes:
        """What it printed. ``lock_fd`` is inherited by git, so that it stays held.

        ``ceiling``: a repository is not looked for in this folder or above it.
        Raises ``GitError`` for an exit status that is not in ``accept``.
        """
        output = bytearray()

        def take(chunk: bytes) -> bool:
            output.extend(chunk)
            return len(output) <= OUTPUT_BYTES_MAX

        process = self._start(directory, args, lock_fd, ceiling)
        said = self._hear(process, args, stdin, take)
        if said.end == "full":
            raise GitError(f"`git {args[0]}` printed over {OUTPUT_BYTES_MAX} bytes")
        if process.returncode not in accept:
            raise self._failure(directory, args, process.returncode, said.errors)
        return bytes(output)

    def line(self, directory: Path, *args: str) -> str:
        """Its output without the newline. Raises ``GitError``."""
        return os.fsdecode(self.run(directory, *args)).rstrip("\n")

    def copy(
        self, directory: Path, args: Sequence[str], to: IO[bytes], most: int
    ) -> bool:
        """Its output into ``to``; False when it was cut after ``most`` bytes.

        Raises ``GitError`` like ``run``, and ``OSError`` of ``to``.
        """
        left = most

        def take(chunk: bytes) -> bool:
            nonlocal left
            to.write(chunk[: max(left, 0)])
            left -= len(chunk)
            return left >= 0

        process = self._start(directory, args, None, None)
        said = self._hear(process, args, b"", take)
        if said.end == "closed" and process.returncode != 0:
            raise self._failure(directory, args, process.returncode, said.errors)
        return said.end == "closed"

    def _hear(
        self,
        process: subprocess.Popen[bytes],
        args: Sequence[str],
        stdin: bytes,
        take: Taker,
    ) -> Said:
        """All that it says, and its end. Raises ``GitError`` when it takes too long."""
        until = time.monotonic() + TIMEOUT_S
        said = None
        try:
            with process:
                try:
                    said = exchange(process, stdin, take, TIMEOUT_S)
                    late = said.end == "late" or not _leaves(process, said, until)
                finally:
                    if said is None or said.end != "closed":
                        _end(process)
        finally:
            self._forget()
        if late:
            raise self._too_long(args)
        return said

    def _too_long(self, args: Sequence[str]) -> GitError:
        if self._interrupted:
            return Interrupted("stopped by order")
        return GitBusy(f"`git {args[0]}` took over {TIMEOUT_S:g} s")

    def _start(
        self,
        directory: Path,
        args: Sequence[str],
        lock_fd: int | None,
        ceiling: Path | None,
    ) -> subprocess.Popen[bytes]:
        settings = [part for each in SETTINGS for part in ("-c", each)]
        with self._guard:
            if self._interrupted:
                raise Interrupted("stopped by order")
            try:
                self._process = subprocess.Popen(
                    ["git", *settings, *args],  # noqa: S607  the user's PATH decides
                    cwd=directory,
                    env=_environment(ceiling),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    pass_fds=() if lock_fd is None else (lock_fd,),
                    start_new_session=True,
                )
            except FileNotFoundError as error:
                raise _missing(error, directory) from error
            except OSError as error:
                kind = GitError if lasts(error.errno) else GitBusy
                raise kind(f"git could not be started: {error}") from error
            return self._process

    def _forget(self) -> None:
        with self._guard:
            self._process = None

    def _failure(
        self, directory: Path, args: Sequence[str], code: int, errors: bytes
    ) -> GitError:
        if self._interrupted:
            return Interrupted("stopped by order")
        text = errors.decode("utf-8", "replace").strip() or f"exit status {code}"
        if "No space left on device" in text or "Disk quota exceeded" in text:
            return DiskFull(f"`git {args[0]}`: {text}")
        lock = obstacle(text, directory)
        if lock is not None and lock.is_stale:
            return GitError(
                f"`git {args[0]}` found the repository locked: {lock.advice()}"
            )
        if _BUSY.search(text) or -code in _KILLED:
            return GitBusy(f"`git {args[0]}`: {text}")
        return GitError(f"`git {args[0]}`: {text}")


def _environment(ceiling: Path | None) -> dict[str, str]:
    own = {key: text for key, text in os.environ.items() if not key.startswith("GIT_")}
    fence = {"GIT_CEILING_DIRECTORIES": str(ceiling)} if ceiling else {}
    return (
        own
        | fence
        | {
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_EDITOR": "true",
            "GIT_ASKPASS": "true",
            "LC_ALL": "C",
        }
    )


def _missing(error: FileNotFoundError, directory: Path) -> GitError:
    if not directory.is_dir():
        return GitError(f"{directory} is not there any more")
    return GitError(f"git is not on this worker's PATH; install it ({error})")


def _leaves(process: subprocess.Popen[bytes], said: Said, until: float) -> bool:
    """Whether one that has closed its pipes ends in time, too; else it is ended."""
    if said.end == "closed":
        try:
            process.wait(max(until - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            _end(process)
            return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    _signal(process, signal.SIGTERM)
    try:
        process.wait(TERM_PATIENCE_S)
    except subprocess.TimeoutExpired:
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    # Not reaped yet as long as returncode is None, so the group cannot be another's.
    if process.returncode is None:
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
