"""The control interface: its structs, one pair for each method of ``io.kanban``.

``io.kanban.varlink`` beside this folder is the description people and foreign
clients read; ``tests/contract`` proves that the two are the same. Times are integer
milliseconds UTC (``*_ms``), durations seconds (``*_s``). In calls, an unknown field
is an error; in replies it is ignored, so that an older client understands a newer
daemon.

Each topic is a module, with its ``PART`` of ``METHODS``. Whoever speaks the whole
interface, as the daemon does, takes any name from here. A program that makes one call
and ends takes it from its topic: making all the structs is a tenth of what starting
``kanbanctl`` costs, so they are made when a name is first taken from here.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kanban_ipc.control.whole import *  # noqa: F403 (it is a list of names)
else:

    def __getattr__(name: str) -> object:
        """Any name of any topic (PEP 562)."""
        return getattr(import_module(f"{__name__}.whole"), name)
