"""``Reload``: the configuration again."""

from kanban_ipc.control import ReloadCall, ReloadReply
from kanband.shell.ports import Daemon


async def reload(daemon: Daemon, _call: ReloadCall) -> ReloadReply:
    """All of it or, where it has a fault, none: ``shell.reloading``."""
    return await daemon.reload()
