"""``Upgrade``: become the version that is installed now."""

import os
import sys

from kanban_ipc.control import UpgradeCall, UpgradeReply
from kanband.shell import succession
from kanband.shell.methods.answers import refused
from kanband.shell.ports import Daemon
from kanband.shell.version import version

WORKER = (sys.executable, "-m", "kanban_worker")


async def upgrade(daemon: Daemon, _call: UpgradeCall) -> UpgradeReply:
    """Answers when it is certain that the other version would start, before it does:
    the connection ends with this daemon; the next has another ``started_at_ms``.
    """
    try:
        found = await succession.examine(succession.command(), WORKER)
    except succession.NotFit as error:
        raise refused(str(error)) from error
    if not daemon.life.replace():
        raise refused("this daemon leaves already; start it again, then it is upgraded")
    return UpgradeReply(
        version=version(),
        installed=found.version,
        pid=os.getpid(),
        started_at_ms=daemon.life.started_ms,
    )
