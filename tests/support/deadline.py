"""Waiting for what the system can tell only when asked."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

PAUSE_S = 0.02


def eventually(
    probe: Callable[[], Found],
    what: str,
    timeout_s: float = 15.0,
) -> Found:
    """The probe's first true answer.

    For facts that neither the kernel nor the product announces, such as "this file
    exists now" or "nobody carries this nonce any more".
    """
    deadline = time.monotonic() + timeout_s
    while not (found := probe()):
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what}"
        time.sleep(PAUSE_S)
    return found
