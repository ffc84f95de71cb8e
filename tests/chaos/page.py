"""A page of memory that the campaign writes and the processes under test obey.

A file of a few numbers, mapped by everybody: where the wall clock stands and what the
store's disk does; and, in the other direction, how often that disk really refused. The
standard library alone, for each process under test imports it at its start.
"""

import mmap
import os
import struct
from pathlib import Path
from typing import Final, Literal, get_args

ENV: Final = "CHAOS_PAGE"
"""Where the page is, for processes under test."""

Disk = Literal["sound", "full", "eio", "slow"]
DISKS: Final[tuple[Disk, ...]] = get_args(Disk)

_NUMBER: Final = struct.Struct("=q")
_CLOCK, _DISK, _HITS = 0, 1, 2
_BYTES: Final = _NUMBER.size * (_HITS + len(DISKS))


class Page:
    """One system's; made by the campaign, opened by the others."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, _BYTES)
            self._memory = mmap.mmap(descriptor, _BYTES)
        finally:
            os.close(descriptor)

    @property
    def clock_ms(self) -> int:
        """How far the wall clock is ahead; below 0, behind."""
        return self._get(_CLOCK)

    @clock_ms.setter
    def clock_ms(self, offset: int) -> None:
        self._set(_CLOCK, offset)

    @property
    def disk(self) -> Disk:
        """What becomes of the store's writes and syncs."""
        return DISKS[self._get(_DISK)]

    @disk.setter
    def disk(self, disk: Disk) -> None:
        self._set(_DISK, DISKS.index(disk))

    def hits(self, disk: Disk) -> int:
        """How many writes and syncs felt it."""
        return self._get(_HITS + DISKS.index(disk))

    def felt(self, disk: Disk) -> None:
        """One more. There is one daemon at a time, and its store has one writer."""
        place = _HITS + DISKS.index(disk)
        self._set(place, self._get(place) + 1)

    def _get(self, place: int) -> int:
        number: int = _NUMBER.unpack_from(self._memory, place * _NUMBER.size)[0]
        return number

    def _set(self, place: int, number: int) -> None:
        _NUMBER.pack_into(self._memory, place * _NUMBER.size, number)
