"""Moving the write-ahead log into the database without making a commit wait.

SQLite would do it inside every thousandth page's COMMIT. Here a thread with a
connection of its own copies pages (PASSIVE: beside the writer, in nobody's way) each
time the log has grown by ``STEP_PAGES``. As soon as it has caught up, the writer's
next commit starts the log from its beginning. Under a load that never pauses it does
not catch up; so past ``BOUND_PAGES`` the writer itself, between two groups, waits for
that thread and copies the few pages that are left. A read can delay the beginning anew
for as long as it lasts; then the next attempt succeeds.

What the disk refuses is a word in ``health``, and tried again with its trials; what a
stranger hinders becomes one only when the log is long.
"""

import threading
from pathlib import Path
from typing import Final

import apsw

from kanband.store.calls import as_failure
from kanband.store.health import Health
from kanband.store.opening import open_writer

STEP_PAGES: Final = 1_000
"""SQLite's own default for the automatic checkpoint."""
BOUND_PAGES: Final = 8_000
"""32 MiB of log; it also bounds what a start after a crash has to read again."""
_PASSIVE: Final = apsw.SQLITE_CHECKPOINT_PASSIVE


class Checkpointer:
    """Made by, and for, the writer's connection."""

    def __init__(self, path: Path, writer: apsw.Connection, health: Health) -> None:
        self._writer = writer
        self._health = health
        self._db = open_writer(path)
        self._pages = 0
        self._asked_at = 0
        self._tried_at = 0
        self._failed = False
        self._wanted = threading.Event()
        self._copying = threading.Lock()
        self._ended = False
        writer.set_wal_hook(self._grown)
        self._thread = threading.Thread(
            target=self._run, name="store-checkpoints", daemon=True
        )
        self._thread.start()

    def _grown(self, _db: apsw.Connection, _name: str, pages: int) -> int:
        """SQLite says after each commit how many pages the log has."""
        if pages < self._pages:
            self._asked_at = self._tried_at = 0
        self._pages = pages
        self._health.written()
        return apsw.SQLITE_OK

    def after_commit(self) -> None:
        """Ask for a checkpoint when it is time; called by the writer's thread."""
        if self._failed or self._pages - self._asked_at >= STEP_PAGES:
            self._asked_at = self._pages
            self._wanted.set()
        if self._pages - max(self._tried_at, BOUND_PAGES) >= STEP_PAGES:
            self._tried_at = self._pages
            self._checkpoint(self._writer)

    def close(self) -> None:
        """Called by the writer's thread, before it closes its connection."""
        self._ended = True
        self._wanted.set()
        self._thread.join()
        self._db.close()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._ended:
                return
            self._checkpoint(self._db)

    def _checkpoint(self, db: apsw.Connection) -> None:
        try:
            with self._copying:
                db.wal_checkpoint(mode=_PASSIVE)
        except apsw.Error as error:
            # The log still holds everything. A stranger is at it, or the writer will
            # meet the same disk and decide.
            self._failed = True
            busy = isinstance(error, (apsw.BusyError, apsw.LockedError))
            if not busy or self._pages > BOUND_PAGES:
                self._health.log_stays(str(as_failure(error)), self._pages // 256)
        else:
            self._failed = False
            self._health.log_moved()
