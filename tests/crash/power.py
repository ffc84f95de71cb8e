"""The power goes: what may be on the disk afterwards.

A disk promises what was synced and nothing else. Of what was written since, any part
may be there: some writes and not others, in any order, some of them torn, a file's new
size without its bytes (zeros or whatever was in those blocks), a name without the
renaming that came before. ``Disk`` follows a recording and says at any moment what is
promised and what is open; ``image`` draws one of the possible outcomes.
"""

import hashlib
import random
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from crash.recording import (
    Acknowledged,
    Event,
    Meant,
    Name,
    Recording,
    Sync,
    SyncNames,
    Truncate,
    Unname,
    Write,
)

T = TypeVar("T")
SECTOR: Final = 512
_TORN: Final = 0.25
"""Of the writes that survive."""


class _File:
    """What is promised, and what came after."""

    def __init__(self, content: bytes = b"") -> None:
        self.synced = content
        self.open: list[Write | Truncate] = []

    def sync(self) -> None:
        if self.open:
            self.synced = _apply(self.synced, self.open)
            self.open = []


class Disk:
    """One directory of it."""

    def __init__(self, recording: Recording) -> None:
        self._names = dict(recording.start_names)
        self._files = {
            inode: _File(recording.start[name]) for name, inode in self._names.items()
        }
        self._open_names: list[Name | Unname] = []
        self._promised = next(
            each.digest for each in recording.events if isinstance(each, Meant)
        )
        """What was acknowledged last; before that, what opening makes of a store."""
        self._meant = self._promised
        self.past: set[str] = set()
        """What was acknowledged before that."""

    @property
    def allowed(self) -> set[str]:
        """What may be found: of what nobody was told yet, all or nothing."""
        return {self._promised, self._meant}

    def step(self, event: Event) -> None:
        match event:
            case Write() | Truncate():
                self._files[event.inode].open.append(event)
            case Sync():
                self._files[event.inode].sync()
            case Name():
                self._files.setdefault(event.inode, _File())
                self._open_names.append(event)
            case Unname():
                self._open_names.append(event)
            case SyncNames():
                self._names = _named(self._names, self._open_names)
                self._open_names = []
            case Meant():
                self._meant = event.digest
            case Acknowledged():
                self.past.add(self._promised)
                self._promised = self._meant

    def image(self, rng: random.Random, spares: float | None) -> dict[str, bytes]:
        """Files by name. ``spares``: what part of the unsynced writes survives; 0 and
        1 are exactly nothing and everything, None is an order kept up to one moment.
        """
        if spares is None:
            names = _named(self._names, _beginning(self._open_names, rng))
        else:
            names = _named(self._names, _some(self._open_names, rng, spares))
        return {
            name: self._content(self._files[inode], rng, spares)
            for name, inode in names.items()
        }

    @staticmethod
    def _content(file: _File, rng: random.Random, spares: float | None) -> bytes:
        if not file.open:
            return file.synced
        if spares is None:
            kept = _beginning(file.open, rng)
            if kept and isinstance(last := kept[-1], Write):
                kept[-1] = last._replace(
                    data=last.data[: rng.randrange(len(last.data))]
                )
            return _apply(file.synced, kept)
        kept = _some(file.open, rng, spares)
        if 0 < spares < 1:
            kept = [part for each in kept for part in _torn(each, rng)]
        filler = rng.randbytes(SECTOR) if rng.random() < spares < 1 else bytes(SECTOR)
        return _apply(file.synced, kept, filler)


def _named(
    names: Mapping[str, int], changes: Iterable[Name | Unname]
) -> dict[str, int]:
    result = dict(names)
    for change in changes:
        if isinstance(change, Name):
            result[change.name] = change.inode
        else:
            result.pop(change.name, None)
    return result


def _beginning(open_: list[T], rng: random.Random) -> list[T]:
    return open_[: rng.randint(0, len(open_))]


def _some(open_: list[T], rng: random.Random, spares: float) -> list[T]:
    return [each for each in open_ if rng.random() < spares]


def _torn(event: Write | Truncate, rng: random.Random) -> list[Write | Truncate]:
    """Some of its sectors; or, of a small write, its beginning."""
    if isinstance(event, Truncate) or rng.random() > _TORN:
        return [event]
    inode, offset, data = event
    if len(data) <= SECTOR:
        return [Write(inode, offset, data[: rng.randint(0, len(data))])]
    return [
        Write(inode, offset + at, data[at : at + SECTOR])
        for at in range(0, len(data), SECTOR)
        if rng.random() < 0.5
    ]


def _apply(
    content: bytes,
    changes: Iterable[Write | Truncate],
    filler: bytes = bytes(SECTOR),
) -> bytes:
    result = bytearray(content)
    for change in changes:
        if isinstance(change, Truncate):
            end = change.size
            del result[end:]
        else:
            end = change.offset
        if len(result) < end:
            gap = end - len(result)
            result += (filler * (gap // SECTOR + 1))[:gap]
        if isinstance(change, Write):
            result[change.offset : change.offset + len(change.data)] = change.data
    return bytes(result)


def fingerprint(image: Mapping[str, bytes]) -> bytes:
    """Two images that are the same have the same."""
    whole = hashlib.blake2b(digest_size=16)
    for name in sorted(image):
        whole.update(name.encode() + b"\0")
        whole.update(hashlib.blake2b(image[name], digest_size=16).digest())
    return whole.digest()
