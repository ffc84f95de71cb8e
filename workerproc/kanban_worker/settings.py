"""What a worker is told at its start; parsed once by whoever starts it.

Decided here: the names and the defaults. Absent: the environment and the
configuration file. The daemon reads those, and hands a worker what it needs in
``Spawn`` and in each ``Assign``.
"""

import msgspec

from kanban_ipc.words import UnitScope, WorkerId


class WorkerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One start (incarnation) of one worker."""

    worker_id: WorkerId
    incarnation: str
    secret: str
    """Said in ``Hello``; it came by descriptor and is in no environment and no log."""
    state_dir: str
    """Absolute."""
    link_endpoint: str
    """ZeroMQ's notation, e.g. ``ipc:///run/kanban/link.sock``."""
    slots: int
    """Runs at a time, at least 1."""
    managed: bool = True
    """Started by the spawner: it leaves when idle and its daemon stays away."""
    agents: tuple[str, ...] = ()
    """Not managed: the profiles it is restricted to; empty is all."""
    repo: str = ""
    """Not managed: the one repository it serves, absolute; empty is all."""
    run_scope: UnitScope = ""
    """Shims as services of this systemd manager; empty: as plain processes."""
