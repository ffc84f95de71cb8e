"""Numbers and text as people read them."""

import re
from collections.abc import Iterable
from typing import Final

_UNSAFE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What moves a terminal's cursor, rings it or turns its text around."""
BYTES_STEP: Final = 1024


def plural(count: int, one: str, many: str = "") -> str:
    """``1 ticket``, ``2 tickets``, ``10,000 tickets``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def size(count: int) -> str:
    """``512 B``, ``1.5 KiB``, ``20 MiB``."""
    amount, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < BYTES_STEP:
            break
        amount, unit = amount / BYTES_STEP, larger
    digits = 1 if unit != "B" and amount < 10 else 0  # noqa: PLR2004 (two digits)
    return f"{amount:.{digits}f} {unit}"


def harmless(text: str) -> str:
    """The text without what could command a terminal; lines and tabs stay."""
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str) -> str:
    """The text on one line, harmless, without runs of spaces."""
    return harmless(" ".join(text.split()))


def short_run(run_id: str) -> str:
    """A run's id as people type it.

    The first 13 characters of a UUIDv7 are its time in milliseconds, the rest is
    random.
    """
    return run_id[:18]


def listed(words: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def numbers(ids: Iterable[int]) -> str:
    """``#1``, ``#1 to #3``, ``#1, #4 to #6 and #9``: each once, in order."""
    stretches: list[list[int]] = []
    for one in sorted(set(ids)):
        if stretches and one == stretches[-1][-1] + 1:
            stretches[-1].append(one)
        else:
            stretches.append([one])
    words: list[str] = []
    for stretch in stretches:
        if len(stretch) > 2:  # noqa: PLR2004 (two are shorter by themselves)
            words.append(f"#{stretch[0]} to #{stretch[-1]}")
        else:
            words += [f"#{one}" for one in stretch]
    return listed(words)
