"""Whether a store that was found after a power loss is what it must be."""

from collections.abc import Container, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import apsw

from crash.living import digest, unlawful
from kanban_ipc.control import NewTicket
from kanband.store.errors import StoreRefused
from kanband.store.opening import open_store
from kanband.store.sqlite import SqliteVerbs

Kind = Literal["refused", "damaged", "lost", "half-applied", "unlawful", "unusable"]


class Fault(NamedTuple):
    kind: Kind
    text: str


class Judge:
    """Opens images with the production code, one after the other in one place."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._lawful: set[str] = set()

    def put(self, image: Mapping[str, bytes]) -> Path:
        """Lay an image out as files; returns the store's path."""
        self._place.mkdir(exist_ok=True)
        for file in self._place.iterdir():
            file.unlink()
        for name, content in image.items():
            (self._place / name).write_bytes(content)
        return self._place / "kanban.db"

    def judge(
        self,
        image: Mapping[str, bytes],
        allowed: Container[str],
        past: Container[str] = (),
        *,
        use: bool = False,
    ) -> Fault | None:
        """``past``: what the store once was, and is no more; ``use``: the store must
        also go on from there.
        """
        path = self.put(image)
        try:
            db = open_store(path)
        except (StoreRefused, apsw.Error) as error:
            return Fault("refused", str(error))
        try:
            # The image dies with the test: nothing is gained by waiting for the disk.
            db.pragma("synchronous", "OFF")
            return self._inside(db, allowed, past) or (_used(db) if use else None)
        except (apsw.Error, UnicodeDecodeError) as error:
            return Fault("damaged", repr(error))
        finally:
            db.close()

    def _inside(
        self, db: apsw.Connection, allowed: Container[str], past: Container[str]
    ) -> Fault | None:
        sound = db.execute("PRAGMA integrity_check(1)").get
        if sound != "ok" or db.execute("PRAGMA foreign_key_check").fetchall():
            return Fault("damaged", str(sound))
        found = digest(db)
        if found not in allowed:
            if found in past:
                return Fault("lost", "it is as it was before the last acknowledgement")
            return Fault("half-applied", "it is as it never was between two commits")
        if found not in self._lawful:
            if wrong := unlawful(db):
                return Fault("unlawful", str(wrong[0]))
            self._lawful.add(found)
        return None


def _used(db: apsw.Connection) -> Fault | None:
    with db:
        out = SqliteVerbs(db).add([NewTicket(title="next")], ready=True, now_ms=1)
    if not out.added or unlawful(db):
        return Fault("unusable", str(out))
    return None
