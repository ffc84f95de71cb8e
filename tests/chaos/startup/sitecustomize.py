"""The wall clock of a process under test, as far ahead as the page says.

Python imports a module of this name at every start, so daemon, spawner, workers and
``kanbanctl`` share one wrong clock from their first line on. Monotonic time and the
times of files are the machine's: so much is the same as when somebody sets a clock.
The shim reads no wall clock, and imports nothing of this (``-I``).
"""

import os
import time
from pathlib import Path

from chaos.page import ENV, Page


def shift(page: Page) -> None:
    """``time.time`` and ``time.time_ns``, which is all that the product asks."""
    time_s, time_ns = time.time, time.time_ns
    time.time = lambda: time_s() + page.clock_ms / 1000
    time.time_ns = lambda: time_ns() + page.clock_ms * 1_000_000


if ENV in os.environ:
    shift(Page(Path(os.environ[ENV])))
