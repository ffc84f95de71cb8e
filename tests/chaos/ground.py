"""A system under chaos: a daemon that obeys the page, on a disk that can be full."""

import errno
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import chaos
from chaos import page as pages
from chaos.daemon import BUG
from support import traces
from support.settings import BRISK, toml
from support.system import System

DISK_MIB: Final = 96
STARTUP: Final = Path(next(iter(chaos.__path__))) / "startup"
PATIENT: Final = {
    **BRISK,
    "worker_count": 3,
    "slots": 2,
    # The end shall be decided by what was broken, not by how often.
    "workers.fatal_failures": 1000,
    "workers.backoff_max_s": 1,
    "retries.initial_s": 0.1,
    "retries.max_s": 1,
    "lease.heartbeat_s": 0.5,
}


class Ground(System):
    """``System``, with its faults at hand. As root, its state is a small disk."""

    def __init__(self, root: Path, bug: str = "") -> None:
        super().__init__(root, toml(PATIENT))
        self.page = pages.Page(root / "page")
        self._page_path = root / "page"
        self._bug = bug
        self.effects = root / "effects"
        self.effects.mkdir()
        self.no_small_disk = self._mount()
        """Why its disk cannot be filled; empty: it can."""

    @property
    def environment(self) -> dict[str, str]:
        path = os.pathsep.join((str(STARTUP), os.environ["PYTHONPATH"]))
        return super().environment | {
            "PYTHONPATH": path,
            pages.ENV: str(self._page_path),
            BUG: self._bug,
        }

    def command(self, *words: str) -> list[str]:
        program = ["chaos.daemon" if w == "kanband" else w for w in super().command()]
        return [*program, *words]

    def fill_disk(self) -> Callable[[], None]:
        """Take every last byte of it; returns how to give them back."""
        ballast = self.state / "ballast"
        with ballast.open("wb") as file:
            for size in (1 << 20, 1 << 12):
                _grow(file.fileno(), size)
        return lambda: ballast.unlink(missing_ok=True)

    def close(self) -> None:
        if not self.no_small_disk:
            # Nothing may hold the mount: everything is ended first.
            traces.end_all((str(self.state), str(self.runtime), self.token))
            if self._daemon is not None:
                self._daemon.wait(10)
            subprocess.run(["umount", str(self.state)], check=True)
        super().close()

    def _mount(self) -> str:
        self.state.mkdir(mode=0o700)
        options = ["-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=0700", "tmpfs"]
        if os.geteuid() != 0:
            return "needs root"
        mounted = subprocess.run(
            ["mount", *options, str(self.state)],
            capture_output=True,
            text=True,
            check=False,
        )
        return mounted.stderr.strip() if mounted.returncode else ""


def _grow(descriptor: int, step: int) -> None:
    while True:
        try:
            os.posix_fallocate(descriptor, os.fstat(descriptor).st_size, step)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return
