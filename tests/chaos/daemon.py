"""``python -m chaos.daemon``: the real ``kanband``, on a disk that obeys the page.

A VFS of ours stands between SQLite and its own, so the store's code meets what SQLite
makes of a failed write or sync. ``CHAOS_BUG`` names a bug of ``chaos.bugs`` to plant.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any, Final

import apsw

from chaos import page as pages
from kanband.__main__ import main

BUG: Final = "CHAOS_BUG"
BASE: Final = "unix"
SLOW_S: Final = 0.3


class _Vfs(apsw.VFS):
    def __init__(self, page: pages.Page) -> None:
        super().__init__("chaos", BASE, makedefault=True)
        self._page = page

    def xOpen(  # noqa: N802 - SQLite's word
        self, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> apsw.VFSFile:
        return _File(self._page, name, flags)


class _File(apsw.VFSFile):
    def __init__(
        self, page: pages.Page, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> None:
        super().__init__(BASE, name, flags)
        self._page = page

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802
        disk = self._page.disk
        if disk == "full":
            self._page.felt(disk)
            raise apsw.FullError("the campaign's disk is full")
        self._fail(disk, apsw.SQLITE_IOERR_WRITE)
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        disk = self._page.disk
        if disk == "slow":
            self._page.felt(disk)
            time.sleep(SLOW_S)
        self._fail(disk, apsw.SQLITE_IOERR_FSYNC)
        super().xSync(flags)

    def _fail(self, disk: pages.Disk, code: int) -> None:
        if disk == "eio":
            self._page.felt(disk)
            error = apsw.IOError("the campaign's disk has failed")
            error.extendedresult = code  # type: ignore[attr-defined] # SQLite reads it
            raise error


if __name__ == "__main__":
    _VFS = _Vfs(pages.Page(Path(os.environ[pages.ENV])))
    if bug := os.environ.get(BUG):
        # Not imported by a daemon that has none: it is the whole simulator.
        from chaos.bugs import BUGS

        BUGS[bug]().__enter__()
    sys.exit(main())
