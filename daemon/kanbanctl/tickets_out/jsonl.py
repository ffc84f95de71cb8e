"""JSON Lines: one object a line."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec


def write(items: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The lines."""
    for item in items:
        yield msgspec.json.encode(item).decode() + "\n"
