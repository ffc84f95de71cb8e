"""UUIDv7 (RFC 9562, 5.7) from a time and random bytes, which are arguments.

The 12 bits after the version hold a counter within the millisecond (method 1 of
RFC 9562, 6.2), so that the ids of one maker sort in the order they were made.
"""

from typing import Final

from kanban_ipc.words import RunId

RANDOM_BYTES: Final = 8
_COUNTER_MAX: Final = (1 << 12) - 1
_TIME_MAX: Final = (1 << 48) - 1


def uuid7(time_ms: int, random: bytes, *, counter: int = 0) -> RunId:
    """One id; ``random`` is 8 bytes of which 62 bits are used."""
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"8 random bytes are needed, not {len(random)}")
    if not 0 <= time_ms <= _TIME_MAX or not 0 <= counter <= _COUNTER_MAX:
        raise ValueError(f"time {time_ms} or counter {counter} is out of range")
    tail = int.from_bytes(random, "big") & ((1 << 62) - 1)
    number = time_ms << 80 | 0x7 << 76 | counter << 64 | 0b10 << 62 | tail
    digits = f"{number:032x}"
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return RunId("-".join(parts))


class RunIds:
    """Makes increasing ids, also within a millisecond and when the clock steps back."""

    def __init__(self) -> None:
        self._time_ms = -1
        self._counter = 0

    def next(self, now_ms: int, random: bytes) -> RunId:
        """A new id, greater than every earlier one of this maker."""
        if now_ms > self._time_ms:
            self._time_ms, self._counter = now_ms, 0
        elif self._counter < _COUNTER_MAX:
            self._counter += 1
        else:
            self._time_ms, self._counter = self._time_ms + 1, 0
        return uuid7(self._time_ms, random, counter=self._counter)
